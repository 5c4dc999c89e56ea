/** Lets so many in at once, the others in the order in which they came. */
export class Semaphore {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  /** Runs `body` once there is a place. Throws the signal's reason where that is aborted while it waits. */
  async run<T>(body: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#place(signal);
    try {
      return await body();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free += 1;
    }
  }

  /** Resolves with the place of one who leaves. */
  #place(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(enter);
        signal.removeEventListener("abort", abort);
      };
      const enter = (): void => {
        end();
        resolve();
      };
      const abort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort);
      this.#waiting.add(enter);
    });
  }
}
