import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import { formatDuration, parseDuration } from "@lodge/schemas/spec/duration.ts";
import { defaultTimeouts, type Operation, type Timeouts } from "./common.ts";

/** When an operation must end, and why it ended: the user's Ctrl-C, or the time that the configuration allows. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Milliseconds that are left. */
  readonly remaining: () => number;
  /** What is to be said once the signal has aborted. `what` is the object in words, as `The disk data`. */
  readonly error: (what: string) => LodgeError;
}

const participles = { create: "made", update: "changed", delete: "deleted" } as const;

/** The deadline of an operation by the resource's `timeouts`. */
export function deadline(
  operation: Operation,
  timeouts: Timeouts | null,
  signal: AbortSignal,
): Deadline {
  const text = timeouts?.[operation];
  const total = (text && parseDuration(text)) || defaultTimeouts[operation];
  const ends = performance.now() + total;
  const both = AbortSignal.any([signal, AbortSignal.timeout(total)]);
  return {
    signal: both,
    remaining: () => Math.max(0, ends - performance.now()),
    error: (what) => {
      if (!isLate(both))
        return lodgeError("CANCELLED", `${what}: the ${operation} was interrupted.`);
      const time = formatDuration(total);
      return lodgeError(
        "DEADLINE_EXCEEDED",
        `${what} was not ${participles[operation]} within ${time}, the time that timeouts.${operation} allows.`,
        {
          remedy: `Raise timeouts.${operation}, or look at the host's agent for what holds it up.`,
        },
      );
    },
  };
}

/** Like a task, with what is to be said where the deadline has ended it. */
export async function within<T>(
  { signal, error }: Deadline,
  what: string,
  task: () => Promise<T>,
): Promise<T> {
  try {
    return await task();
  } catch (thrown) {
    throw signal.aborted ? error(what) : thrown;
  }
}

/** Whether a signal has aborted because time has passed, not because somebody wanted it. */
export function isLate({ reason }: AbortSignal): boolean {
  return reason instanceof Error && reason.name === "TimeoutError";
}
