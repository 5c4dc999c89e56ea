import { parseDuration } from "@lodge/schemas/spec/duration.ts";
import { defaultTimeouts, type Operation } from "./common.ts";

/** When an operation must end, and why it ended: the user's Ctrl-C, or the time that the configuration allows. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Milliseconds that are left. */
  readonly remaining: () => number;
}

/** The deadline of an operation by the resource's `timeouts`. */
export function deadline(
  operation: Operation,
  timeouts: { readonly [name in Operation]?: string | null } | null | undefined,
  signal: AbortSignal,
): Deadline {
  const text = timeouts?.[operation];
  const total = (text && parseDuration(text)) || defaultTimeouts[operation];
  const ends = performance.now() + total;
  return {
    signal: AbortSignal.any([signal, AbortSignal.timeout(total)]),
    remaining: () => Math.max(0, ends - performance.now()),
  };
}
