import { reconnectMs } from "@lodge/schemas/rpc/limits.ts";

/** Between two calls of a run that goes on lie milliseconds; one that ended so long ago, in milliseconds, has ended. */
const GRACE = 1000;
/** A client that has lost its agent is back by then, in milliseconds from the agent's start, with room for a slow one. */
const RETURN = 3 * reconnectMs;

/**
 * The runs of clients that go on: those with a call under way, or that had one a moment ago. A client that is killed
 * loses its calls at once. After the agent's own start nothing is known of anybody for a moment: all pass for at work.
 */
export class Runs {
  readonly #calls = new Map<string, number>();
  /** In the order in which they ended. */
  readonly #ended = new Map<string, number>();
  readonly #now: () => number;
  readonly #since: number;

  /** `now` in milliseconds from any beginning. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** A call of the run begins; it ends with the disposal. */
  enter(run: string): Disposable {
    this.#calls.set(run, (this.#calls.get(run) ?? 0) + 1);
    return { [Symbol.dispose]: () => this.#leave(run) };
  }

  isAtWork(run: string): boolean {
    if (this.#calls.has(run)) return true;
    const now = this.#now();
    return now - this.#since < RETURN || now - (this.#ended.get(run) ?? -Infinity) < GRACE;
  }

  #leave(run: string): void {
    const left = this.#calls.get(run)! - 1;
    if (left > 0) return void this.#calls.set(run, left);
    this.#calls.delete(run);
    this.#ended.delete(run);
    this.#ended.set(run, this.#now());
    for (const [other, at] of this.#ended) {
      if (this.#now() - at < GRACE) return;
      this.#ended.delete(other);
    }
  }
}
