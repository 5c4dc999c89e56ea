/**
 * What an attribute says about itself beside its type, through zod's `.meta()`.
 * Everything else follows from the type: see `derive.ts`.
 */
export interface AttributeMeta {
  /** Markdown, one or more whole sentences; shown in the registry's pages and by editors. */
  readonly description?: string;
  /**
   * What a changed value needs: nothing (`live`), a restart (`restart`) or a new object
   * (`replace`). Members of a nested object inherit it. Default `live`.
   */
  readonly update?: "live" | "restart" | "replace";
  /**
   * The provider decides the value where the configuration gives none. `stable`: it never changes
   * while the object lives, so plans keep it. `volatile`: any update may change it.
   */
  readonly computed?: "stable" | "volatile";
  /** Hidden in the user interface; plain text in the state. */
  readonly sensitive?: boolean;
  /** Stands in the configuration only, never in plan or state. Pair it with a `*_version`. */
  readonly writeOnly?: boolean;
  /** Why, and what to use instead; `true` where the description says so. */
  readonly deprecated?: boolean | string;
}
