/** Time, as everything that waits sees it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once, when that many milliseconds have passed; the returned function calls it off. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

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
