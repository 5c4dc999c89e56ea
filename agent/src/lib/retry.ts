import { sleep, type Clock } from "./clock.ts";

/** How long to wait between tries. */
export interface Backoff {
  /** Milliseconds before the second try, at most. */
  readonly base: number;
  /** Milliseconds that no wait exceeds. */
  readonly max: number;
}

/** The longest wait after that many failures in a row (from 1): doubling from the base to the maximum. */
export function backoffLimit({ base, max }: Backoff, failures: number): number {
  return Math.min(max, base * 2 ** Math.min(failures - 1, 52));
}

/** A wait with full jitter: anything up to the limit, so that many that failed together do not return together. */
export function backoffDelay(backoff: Backoff, failures: number, random = Math.random): number {
  return Math.round(random() * backoffLimit(backoff, failures));
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly backoff: Backoff;
  /** Tries in all. */
  readonly attempts: number;
  /** Whether another try can help against this error. */
  readonly when: (error: unknown) => boolean;
  readonly random?: () => number;
}

/** Tries until it works, and throws the last error where it never does. */
export async function retry<T>(
  body: (signal: AbortSignal) => Promise<T>,
  { clock, backoff, attempts, when, random }: RetryOptions,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await body(signal);
    } catch (error) {
      if (failures >= attempts || !when(error)) throw error;
    }
    await sleep(clock, backoffDelay(backoff, failures, random), signal);
  }
}
