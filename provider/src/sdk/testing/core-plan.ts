/** Plans as core keeps them, and its own view of what forces a replacement. */

import type { Path } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers } from "../value/value.ts";
import type { Instance } from "./core-error.ts";
import type { CoreAttribute } from "./core-schema.ts";

/** What a plan would do. */
export type Action = "no-op" | "create" | "update" | "replace" | "delete";

/** A plan as core keeps it. */
export interface Plan {
  readonly action: Action;
  readonly prior: Value;
  readonly planned: Value;
  readonly private: Uint8Array;
  /** As the provider has planned it; null where it is not known yet. */
  readonly identity: Value;
  /** The attributes that force a replacement, with core's own filter applied. */
  readonly requiresReplace: readonly Path[];
  /** The instance after the refresh; undefined where there is none. */
  readonly refreshed: Instance | undefined;
}

/** Core drops what is demanded for an attribute that does not change, unless it is write-only. */
export function forcesReplace(
  attributes: readonly CoreAttribute[],
  prior: Value,
  planned: Value,
  path: Path,
): boolean {
  const attribute = attributes.find(({ name }) => name === path[0]);
  if (attribute?.writeOnly === true) return true;
  const [a, b] = [valueAt(prior, path), valueAt(planned, path)];
  if (a === undefined || b === undefined) return true;
  return isUnknown(b) || loosely(a) !== loosely(b);
}

/** What is at a path; undefined where it leads nowhere. */
export function valueAt(value: Value, path: Path): Value | undefined {
  let at: Value | undefined = value;
  for (const step of path) {
    if (at === undefined || at === null || isUnknown(at)) return undefined;
    if (typeof step === "number")
      at = Array.isArray(at) ? (at as readonly Value[])[step] : undefined;
    else at = isMembers(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at;
}

function loosely(value: Value): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "bigint" ? `${inner}n` : inner,
  );
}
