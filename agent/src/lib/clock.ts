/** Time, as everything that waits sees it. */
export interface Clock {
  /** Milliseconds since 1970. It is set forth and back: by people, by NTP, and by a host that wakes up. */
  now(): number;
  /** Milliseconds since some moment. Nobody sets it, and after a restart of the process it is another. */
  monotonic(): number;
  /**
   * Calls back once, when that many milliseconds have passed, whatever becomes of the time of day; the returned function
   * calls it off. More than {@link longestWait} is cut to that.
   */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, boundedWait(milliseconds));
    return () => clearTimeout(timer);
  },
};

/** Milliseconds that one timer can wait, some 24 days: Node takes more for none at all. */
export const longestWait = 2 ** 31 - 1;

/** A wait as a timer can take it. What is no number is the longest: a timer that is due at once could do so for ever. */
export function boundedWait(milliseconds: number): number {
  return Math.max(0, milliseconds <= longestWait ? milliseconds : longestWait);
}

/**
 * Whether a wait that was to take at most `longest` milliseconds, until the time `until`, is still on. One that is
 * further from its end than that was begun before the clock was set back: it is over, since nobody knows how long ago
 * that was.
 */
export function isWaiting(until: number, longest: number, now: number): boolean {
  return now < until && until - now <= longest;
}

/** Waits; rejects with the signal's reason as soon as that is aborted. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(signal.reason as Error);
  const cancel = clock.after(milliseconds, resolve);
  signal.addEventListener("abort", abort, { once: true });
  return promise.finally(() => {
    cancel();
    signal.removeEventListener("abort", abort);
  });
}
