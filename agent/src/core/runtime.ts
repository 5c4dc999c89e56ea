import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Clock } from "../lib/clock.ts";
import { KeyedQueue } from "../lib/keyed-queue.ts";
import type { Log } from "../lib/log.ts";
import { backoffDelay } from "../lib/retry.ts";
import { Semaphore } from "../lib/semaphore.ts";
import type { Waker } from "./ledger.ts";
import { stepBackoff, type HeavyStep, type Reconciler } from "./reconciler.ts";
import type { Reference } from "./record.ts";

export interface RuntimeOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/** How many of each heavy step at once: more only take the disks from each other, and from the guests. */
const heavyPlaces = 4;

/** Runs the reconcilers: one object at a time, many objects at once, woken by writes, events, timers and start-up. */
export class Runtime implements Waker {
  readonly #options: RuntimeOptions;
  readonly #queue: KeyedQueue;
  readonly #timers = new Map<string, () => void>();
  readonly #faults = new Map<string, number>();
  readonly #heavy: { readonly [S in HeavyStep]: Semaphore } = {
    check_disk: new Semaphore(heavyPlaces),
    copy_image: new Semaphore(heavyPlaces),
  };
  /** What ends the heavy steps that are in progress, by key. */
  readonly #interrupts = new Map<string, Set<AbortController>>();
  /** Objects that were interrupted since their last turn began: a turn that knows nothing of it begins nothing heavy. */
  readonly #interrupted = new Set<string>();
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
    const key = `${kind}/${id}`;
    // Copies can take minutes; a guest's steps are short but for the heavy ones, and half of one would need a new look.
    const long = kind === "disk" || kind === "image";
    if (long) return this.#queue.interrupt(key, interruption());
    this.#interrupted.add(key);
    for (const controller of this.#interrupts.get(key) ?? []) controller.abort(interruption());
    this.wake({ kind, id });
  }

  /** See `ReconcilerContext.heavy`. */
  async heavy<T>(
    step: HeavyStep,
    { kind, id }: Reference,
    signal: AbortSignal,
    body: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const key = `${kind}/${id}`;
    const controller = new AbortController();
    if (this.#interrupted.has(key)) controller.abort(interruption());
    const either = AbortSignal.any([signal, controller.signal]);
    const interrupts = this.#interrupts.get(key) ?? new Set();
    this.#interrupts.set(key, interrupts.add(controller));
    try {
      const work = (): Promise<T> => body(either);
      return await this.#queue.aside(key, () => this.#heavy[step].run(work, either));
    } finally {
      interrupts.delete(controller);
      if (interrupts.size === 0) this.#interrupts.delete(key);
    }
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
    this.#interrupted.delete(key);
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

const interruption = (): Error => new Error("the object is being deleted");
