import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Reason } from "@lodge/schemas/rpc/reasons.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { sentence } from "./words.ts";

/**
 * One thing that speaks against a wish: Put throws it, Validate tells it. Where several objects stand in the way of one
 * field, each has a refusal of its own, and the message, which names them all, is the same.
 */
export interface Refusal {
  readonly reason: Reason;
  /** The field of the spec that is at fault: names of fields and keys of maps; empty for the whole. */
  readonly path: readonly string[];
  readonly message: string;
  readonly remedy?: string;
  /** The object that stands in the way. */
  readonly kind?: KindName;
  readonly id?: string;
  readonly name?: string;
  /** The same wish may be accepted later. */
  readonly retryable?: boolean;
  /** In how many milliseconds, where that is known. */
  readonly retryAfterMs?: number;
}

/** The error of a refused wish: what the first refusal says, with the fields that all of them name. */
export function refusalError(refusals: readonly [Refusal, ...Refusal[]]): LodgeError {
  const { reason, message: _message, path: _path, ...details } = refusals[0];
  const said = [
    ...new Map(
      refusals.map(({ path, message }) => [
        JSON.stringify([path, message]),
        { path, message: sentence(message) },
      ]),
    ).values(),
  ];
  return lodgeError(reason, said.map(({ message }) => message).join(" "), {
    ...details,
    violations: said
      .filter(({ path }) => path.length > 0)
      .map(({ path, message }) => ({ path: ["spec", ...path].join("."), message })),
  });
}
