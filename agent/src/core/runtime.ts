import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Clock } from "../lib/clock.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import type { Log } from "../lib/log.ts";
import { backoffDelay } from "../lib/retry.ts";
import type { Waker } from "./ledger.ts";
import { stepBackoff, type Reconciler } from "./reconciler.ts";
import type { Reference } from "./record.ts";

export interface RuntimeOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs the reconcilers: one object at a time, many objects at once, woken by writes, events, timers and start-up. */
export class Runtime implements Waker {
  readonly #options: RuntimeOptions;
  readonly #queue: KeyedQueue;
  readonly #timers = new Map<string, () => void>();
  readonly #faults = new Map<string, number>();
  #reconcilers: Partial<Readonly<Record<KindName, Reconciler>>> = {};
  #closed = false;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      run: (key, signal) => this.#run(key, signal),
      onError: (key, error) => this.#fault(key, error),
    });
  }

  /** Kinds without one are never woken. */
  use(reconcilers: Partial<Readonly<Record<KindName, Reconciler>>>): void {
    this.#reconcilers = reconcilers;
  }

  wake({ kind, id }: Reference): void {
    if (this.#reconcilers[kind]) this.#queue.wake(`${kind}/${id}`);
  }

  interrupt({ kind, id }: Reference): void {
    // Copies can take minutes; a guest's steps are short, and half of one would need a new look.
    const long = kind === "disk" || kind === "image";
    if (long) this.#queue.interrupt(`${kind}/${id}`, new Error("the object is being deleted"));
    else this.wake({ kind, id });
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Resolves as soon as these objects have nothing to do but to wait, whatever others do. */
  settled(references: readonly Reference[]): Promise<void> {
    return this.#queue.settled(references.map(({ kind, id }) => `${kind}/${id}`));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await this.#queue.close();
  }

  async #run(key: string, signal: AbortSignal): Promise<void> {
    const [kind, id] = key.split("/") as [KindName, string];
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    const wakeAt = await this.#reconcilers[kind]!.reconcile(id, signal);
    this.#faults.delete(key);
    if (wakeAt !== undefined) this.#wakeAt(key, wakeAt);
  }

  #wakeAt(key: string, at: number): void {
    if (this.#closed || !Number.isFinite(at)) return;
    this.#timers.get(key)?.();
    const wake = () => {
      this.#timers.delete(key);
      this.#queue.wake(key);
    };
    const { clock } = this.#options;
    this.#timers.set(key, clock.after(Math.max(1, at - clock.now()), wake));
  }

  /** A reconciler itself failed: the store, or a fault of ours. */
  #fault(key: string, error: unknown): void {
    if (this.#closed) return;
    const count = (this.#faults.get(key) ?? 0) + 1;
    this.#faults.set(key, count);
    this.#options.log.error({ object: key, error }, "a reconciler failed; it is tried again");
    this.#wakeAt(key, this.#options.clock.now() + 1 + backoffDelay(stepBackoff, count));
  }
}
