/**
 * A rule across the fields of a spec, as data: it runs wherever all its paths are known, at plan and in Put.
 */
export interface Rule<Spec> {
  /** The fields that it looks at, first the one that an error points to; `*` stands for every key of a map. */
  readonly paths: readonly [string, ...string[]];
  /** What is wrong with the spec, or undefined where it holds. `keys` are the map keys that `*` stands for. */
  readonly test: (spec: Spec, keys: readonly string[]) => string | undefined;
}

/** A rule that does not hold: where, and what to do. */
export interface Violation {
  readonly path: readonly string[];
  readonly message: string;
}

/** Every violation of the rules by a spec whose fields are all known. */
export function violations<Spec extends object>(
  rules: readonly Rule<Spec>[],
  spec: Spec,
): Violation[] {
  return rules.flatMap((rule) => {
    const segments = rule.paths[0].split(".");
    return expand(spec, segments).flatMap((path) => {
      const keys = path.filter((_, index) => segments[index] === "*");
      const message = rule.test(spec, keys);
      return message === undefined ? [] : [{ path, message }];
    });
  });
}

/** The concrete paths that a pattern stands for: one for each combination of map keys. */
function expand(value: unknown, segments: readonly string[]): string[][] {
  const [head, ...tail] = segments;
  if (head === undefined) return [[]];
  if (head !== "*") return expand(member(value, head), tail).map((rest) => [head, ...rest]);
  return Object.keys(value ?? {}).flatMap((key) =>
    expand(member(value, key), tail).map((rest) => [key, ...rest]),
  );
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
