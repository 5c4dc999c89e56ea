/**
 * A rule across attributes, as data. It runs wherever all its paths are wholly known and valid, so
 * a plan with unknown values is checked as far as that is possible.
 */
export interface Rule<Output> {
  /**
   * The attributes that it looks at, dotted; the first is the one that an error points to. `*`
   * stands for every key of a map or index of a list, and for the same one in all paths.
   */
  readonly paths: readonly [string, ...string[]];
  /**
   * What is wrong, or undefined where the rule holds. It sees the decoded configuration with
   * defaults filled in; what is absent, unknown or invalid outside `paths` is undefined.
   * `keys` are the keys and indexes that the stars stand for.
   */
  test(config: Output, keys: readonly string[]): string | undefined;
}
