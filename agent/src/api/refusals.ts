import type { Clock } from "../lib/clock.ts";
import type { Log, LogFields } from "../lib/log.ts";

/** Milliseconds between the lines that say how many more there were. */
const interval = 60_000;
/** Pairs of an address and a reason that are told of one by one. */
const maxPairs = 256;

export interface RefusalsOptions {
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
}

/**
 * Tells of clients that were refused before their first call. Whoever reaches the agent can be refused thousands of
 * times a second, so only the first of an address and a reason is logged at once; how many more there were is said once
 * a minute. A minute has some hundred lines at most, however many addresses there are.
 */
export class Refusals implements Disposable {
  readonly #options: RefusalsOptions;
  /** How many were not told of yet. */
  readonly #more = new Map<string, { readonly fields: LogFields; count: number }>();
  #others = 0;
  #cancel: (() => void) | undefined;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** @param address without a port, which every connection has another one of. */
  refused(reason: string, address: string): void {
    const key = `${address}\n${reason}`;
    const known = this.#more.get(key);
    if (known) known.count++;
    else if (this.#more.size < maxPairs) {
      const fields = { peer: address, reason };
      this.#more.set(key, { fields, count: 0 });
      this.#options.log.warn(fields, "a client was refused");
    } else this.#others++;
    this.#cancel ??= this.#options.clock.after(interval, () => this.#tell());
  }

  /** Says what was not said yet. */
  [Symbol.dispose](): void {
    this.#cancel?.();
    this.#tell();
    this.#cancel?.();
  }

  /** One of whom nothing was heard in the meantime is told of at once again. */
  #tell(): void {
    const { clock, log } = this.#options;
    for (const [key, entry] of this.#more) {
      const { fields, count } = entry;
      if (count === 0) this.#more.delete(key);
      else log.warn({ ...fields, more: count }, `a client was refused ${count} more times`);
      entry.count = 0;
    }
    if (this.#others > 0) {
      const message = `clients of other addresses were refused ${this.#others} times`;
      log.warn({ more: this.#others }, message);
    }
    this.#others = 0;
    this.#cancel = this.#more.size > 0 ? clock.after(interval, () => this.#tell()) : undefined;
  }
}
