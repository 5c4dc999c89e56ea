import { boundedWait, type Clock } from "./clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on. Its time, as the machine's, is whole milliseconds. */
export class FakeClock implements Clock {
  readonly #timers = new Set<Timer>();
  /** What has passed; timers are due by it. */
  #passed = 0;
  /** What the time of day was when nothing had passed; it is set with the clock. */
  #start: number;

  constructor(now = 1_700_000_000_000) {
    this.#start = now;
  }

  now(): number {
    return this.#start + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#passed + Math.ceil(boundedWait(milliseconds)), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** When the next timer is due, as {@link now} tells the time; undefined where none is set. */
  get next(): number | undefined {
    const due = this.#due;
    return due === undefined ? undefined : this.#start + due;
  }

  /** The time of day is set forth by that many milliseconds, or back. Nothing passes by that. */
  set(milliseconds: number): void {
    this.#start += milliseconds;
  }

  /** Lets time pass: every timer that comes due is called, in order, at its own time. */
  advance(milliseconds: number): void {
    const end = this.#passed + milliseconds;
    for (;;) {
      const due = this.#due;
      if (due === undefined || due > end) break;
      this.#passed = Math.max(this.#passed, due);
      for (const timer of [...this.#timers].filter(({ at }) => at === due)) {
        if (this.#timers.delete(timer)) timer.callback();
      }
    }
    this.#passed = end;
  }

  get #due(): number | undefined {
    return this.#timers
      .values()
      .reduce<number | undefined>(
        (due, { at }) => (due === undefined || at < due ? at : due),
        undefined,
      );
  }
}
