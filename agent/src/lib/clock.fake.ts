import type { Clock } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on. Its time, as the machine's, is whole milliseconds. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now: number;

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, Math.ceil(milliseconds)), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next timer is due; undefined where none is set. */
  get next(): number | undefined {
    return this.#timers
      .values()
      .reduce<number | undefined>(
        (next, { at }) => (next === undefined || at < next ? at : next),
        undefined,
      );
  }

  /** Lets time pass: every timer that comes due is called, in order, at its own time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.next;
      if (due === undefined || due > end) break;
      this.#now = Math.max(this.#now, due);
      for (const timer of [...this.#timers].filter(({ at }) => at === due)) {
        if (this.#timers.delete(timer)) timer.callback();
      }
    }
    this.#now = end;
  }
}
