import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Commit, Entry, Store } from "./port/store.ts";
import type { Record, Reference } from "./record.ts";
import { runStep, type StepName, type StepOptions } from "./step.ts";

/** A record before the store gives it its sequence. */
export type Draft<K extends KindName = KindName> = Omit<Record<K>, "sequence">;

/** The claims and references that follow from a record. */
export type EntryOf<K extends KindName> = (draft: Draft<K>) => Entry | Promise<Entry>;

/** Who is to look at what a commit has changed. */
export interface Waker {
  wake(reference: Reference): void;
  /** Ends what is being done for the object, since it is not wanted any more, and wakes it. */
  interrupt(reference: Reference): void;
}

/** Writes to the store and wakes whoever a change concerns. */
export class Ledger {
  readonly store: Store;
  readonly #waker: Waker;
  readonly #options: StepOptions;

  constructor(store: Store, waker: Waker, options: StepOptions) {
    this.store = store;
    this.#waker = waker;
    this.#options = options;
  }

  /**
   * Commits, then wakes what was put, the users of all that has changed and the VMs that own changed disks; not `by`,
   * who commits and goes on by itself. `freed` are objects that nobody holds any more.
   */
  async commit(
    commit: Commit,
    step: StepName,
    of: Reference,
    by?: Reference,
    freed: readonly Reference[] = [],
  ): Promise<number> {
    const { put = [], delete: gone = [] } = commit;
    const touched = [...put.map(({ record }) => record), ...gone];
    const owners = await Promise.all(touched.map((reference) => this.#owner(reference)));
    const sequence = await runStep(this.#options, step, of, () => this.store.commit(commit));
    for (const { record } of put) {
      if (isSame(record, by)) continue;
      if (record.deletedAt === undefined) this.#waker.wake(record);
      else this.#waker.interrupt(record);
    }
    const users = await Promise.all(touched.map((reference) => this.store.users(reference)));
    for (const reference of [...users.flat(), ...owners, ...freed]) {
      if (reference && !isSame(reference, by)) this.#waker.wake(reference);
    }
    return sequence;
  }

  /**
   * Changes one record, from its newest state each time that somebody else was faster. The change answers undefined
   * where there is nothing to do. Resolves with the record as it then is; undefined where there is none.
   */
  async edit<K extends KindName>(
    of: { readonly kind: K; readonly id: string },
    entryOf: EntryOf<K>,
    change: (record: Record<K>) => Draft<K> | undefined,
    step: StepName,
    by?: Reference,
  ): Promise<Record<K> | undefined> {
    return untilCommitted(async () => {
      const record = await this.store.get(of.kind, of.id);
      const draft = record && change(record);
      if (!record || !draft) return record;
      const expect = [{ kind: of.kind, id: of.id, sequence: record.sequence }];
      await this.commit({ expect, put: [await entryOf(draft)] }, step, of, by);
      return this.store.get(of.kind, of.id);
    });
  }

  async #owner(reference: Reference): Promise<Reference | undefined> {
    if (reference.kind !== "disk") return undefined;
    const disk = await this.store.get("disk", reference.id);
    const id = disk?.internal.ownerVmId;
    return id === undefined ? undefined : { kind: "vm", id };
  }
}

/** Repeats a commit that was made from what somebody else has changed in between. */
export async function untilCommitted<T>(body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body();
    } catch (error) {
      const lost =
        error instanceof LodgeError && (error.is("REVISION_MISMATCH") || error.is("CLAIM_HELD"));
      if (!lost || !error.retryable || attempt >= 100) throw error;
    }
  }
}

function isSame(a: Reference, b: Reference | undefined): boolean {
  return b !== undefined && a.kind === b.kind && a.id === b.id;
}
