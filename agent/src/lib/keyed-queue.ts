/** Runs the same work for many keys: many keys at once, but one key never twice at the same time. */
export interface KeyedQueueOptions {
  /** The work. What it throws goes to `onError`; it may wake keys, its own too. */
  readonly run: (key: string, signal: AbortSignal) => Promise<void>;
  readonly onError: (key: string, error: unknown) => void;
  /** How many keys at once, those aside not counted; default 32. */
  readonly concurrency?: number;
}

interface Run {
  again: boolean;
  /** How many pieces of its work go on aside. */
  aside: number;
  readonly controller: AbortController;
}

/**
 * Wake-ups of a key that waits already are one; a wake-up of a key that runs makes it run once more. So a run that
 * begins after a wake-up always sees what the wake-up was for.
 */
export class KeyedQueue {
  readonly #options: KeyedQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #running = new Map<string, Run>();
  readonly #onEnd = new Set<() => void>();
  #scheduled = false;
  #closed = false;

  constructor(options: KeyedQueueOptions) {
    this.#options = options;
  }

  wake(key: string): void {
    if (this.#closed) return;
    const running = this.#running.get(key);
    if (running) running.again = true;
    else {
      this.#waiting.add(key);
      this.#schedule();
    }
  }

  /** Aborts the run of a key that is in progress, if any, and wakes the key. */
  interrupt(key: string, reason: Error): void {
    this.#running.get(key)?.controller.abort(reason);
    this.wake(key);
  }

  /**
   * Does a long piece of the work of a key that runs: meanwhile another key may have its turn. The key itself is not run
   * a second time, and goes on at once afterwards, even where all turns are taken.
   */
  async aside<T>(key: string, body: () => Promise<T>): Promise<T> {
    const run = this.#running.get(key);
    if (!run) return body();
    run.aside += 1;
    this.#schedule();
    try {
      return await body();
    } finally {
      run.aside -= 1;
    }
  }

  /** Resolves as soon as nothing waits and nothing runs. */
  idle(): Promise<void> {
    return this.#until(() => this.#waiting.size === 0 && this.#running.size === 0);
  }

  /** Resolves as soon as none of these keys waits or runs, whatever the others do. */
  settled(keys: readonly string[]): Promise<void> {
    const left = new Set(keys);
    return this.#until(() => {
      for (const key of left) {
        if (this.#waiting.has(key) || this.#running.has(key)) return false;
        left.delete(key);
      }
      return true;
    });
  }

  /** Takes no more wake-ups, aborts what runs and waits for its end. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    const reason = new Error("the queue is closed");
    for (const { controller } of this.#running.values()) controller.abort(reason);
    this.#tellEnd();
    await this.idle();
  }

  /** Later, so that nobody who wakes a key is interrupted by its work. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#fill();
    });
  }

  #fill(): void {
    let turns = this.#options.concurrency ?? 32;
    for (const { aside } of this.#running.values()) if (aside === 0) turns -= 1;
    for (const key of this.#waiting) {
      if (turns <= 0) return;
      turns -= 1;
      this.#waiting.delete(key);
      void this.#run(key);
    }
  }

  async #run(key: string): Promise<void> {
    const state: Run = { again: false, aside: 0, controller: new AbortController() };
    this.#running.set(key, state);
    try {
      await this.#options.run(key, state.controller.signal);
    } catch (error) {
      this.#options.onError(key, error);
    }
    this.#running.delete(key);
    if (state.again && !this.#closed) this.#waiting.add(key);
    if (this.#waiting.size > 0) this.#schedule();
    this.#tellEnd();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#onEnd.add(resolve));
  }

  #tellEnd(): void {
    for (const resolve of this.#onEnd) resolve();
    this.#onEnd.clear();
  }
}
