/**
 * The rules of a store, in memory: what a commit may do, what it changes, and what a watch sees of it. A durable store
 * loads one of these, writes the effects of each commit down, and only then applies them.
 */
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Record, Reference } from "../record.ts";
import { ClaimTable, type ClaimChange, type StoredClaim } from "./store-claims.ts";
import type { Change, Commit } from "./store.ts";

/** What a commit changes: everything that a durable store must write. */
export interface Effects {
  readonly sequence: number;
  readonly put: readonly Record[];
  readonly deleted: readonly Reference[];
  readonly claims: readonly ClaimChange[];
  /** The references of the records that were put; those of deleted ones are gone with them. */
  readonly references: readonly { readonly from: Reference; readonly to: readonly Reference[] }[];
  /** Deletions up to this sequence are forgotten; absent where nothing more is. */
  readonly forgetUntil?: number;
}

/** Everything that a durable store has written. */
export interface StoredState {
  readonly sequence: number;
  /** Up to which sequence deletions were forgotten. */
  readonly forgottenUntil: number;
  readonly records: readonly Record[];
  readonly claims: readonly StoredClaim[];
  readonly references: readonly { readonly from: Reference; readonly to: Reference }[];
  readonly deletions: readonly (Reference & { readonly sequence: number })[];
}

/** How many deletions are remembered for watches that resume. */
export const historyLimit = 10_000;

const keyOf = ({ kind, id }: Reference): string => `${kind}/${id}`;

export class StoreState {
  readonly #records = new Map<KindName, Map<string, Record>>();
  readonly #claims: ClaimTable;
  readonly #needs = new Map<string, readonly Reference[]>();
  readonly #users = new Map<string, Map<string, Reference>>();
  #deletions: (Reference & { readonly sequence: number })[];
  /** The newest changes of all kinds in their order, so that a watch need not look at every record. */
  #recent: (Reference & { readonly sequence: number })[] = [];
  #recentSince: number;
  #forgottenUntil: number;
  #sequence: number;
  readonly #historyLimit: number;

  constructor(stored?: StoredState, limit: number = historyLimit) {
    this.#sequence = stored?.sequence ?? 0;
    this.#recentSince = this.#sequence;
    this.#forgottenUntil = stored?.forgottenUntil ?? 0;
    this.#deletions = [...(stored?.deletions ?? [])];
    this.#historyLimit = limit;
    this.#claims = new ClaimTable(stored?.claims ?? []);
    for (const record of stored?.records ?? []) this.#kind(record.kind).set(record.id, record);
    const needs = Map.groupBy(stored?.references ?? [], ({ from }) => keyOf(from));
    for (const references of needs.values()) {
      this.#setReferences(
        references[0]!.from,
        references.map(({ to }) => to),
      );
    }
  }

  get sequence(): number {
    return this.#sequence;
  }

  get<K extends KindName>(kind: K, id: string): Record<K> | undefined {
    return this.#kind(kind).get(id) as Record<K> | undefined;
  }

  find<K extends KindName>(kind: K, name: string): Record<K> | undefined {
    const claim = this.#claims.get(`name:${kind}:${name}`);
    return claim?.freeAt === undefined && claim ? this.get(kind, claim.holder.id) : undefined;
  }

  list<K extends KindName>(kind: K): Record<K>[] {
    return [...this.#kind(kind).values()] as Record[] as Record<K>[];
  }

  claims(prefix: string, now: number) {
    return this.#claims.list(prefix, now);
  }

  users(reference: Reference): Reference[] {
    return [...(this.#users.get(keyOf(reference))?.values() ?? [])];
  }

  /** Checks a commit and says what it would change; see `Store.commit` for what it throws. */
  check(commit: Commit, now: number): Effects {
    const { expect = [], put = [], delete: gone = [] } = commit;
    for (const expectation of expect) {
      const found = this.get(expectation.kind, expectation.id)?.sequence ?? 0;
      if (found === expectation.sequence) continue;
      throw lodgeError(
        "REVISION_MISMATCH",
        `The ${expectation.kind} ${expectation.id} was changed in between.`,
        { kind: expectation.kind, id: expectation.id, retryable: true },
      );
    }
    const deleted = gone.filter((reference) => this.get(reference.kind, reference.id));
    this.#checkReferences(commit, deleted);
    const sequence = this.#sequence + 1;
    const forgetUntil = this.#forgetUntil(deleted.length);
    return {
      sequence,
      put: put.map(({ record }) => ({ ...record, sequence })),
      deleted,
      claims: this.#claims.check(put, deleted, now),
      references: put.map(({ record, references }) => ({
        from: { kind: record.kind, id: record.id },
        to: references,
      })),
      ...(forgetUntil !== undefined && { forgetUntil }),
    };
  }

  apply(effects: Effects): void {
    const { sequence, forgetUntil } = effects;
    this.#sequence = sequence;
    for (const { kind, id } of effects.deleted) {
      this.#kind(kind).delete(id);
      this.#setReferences({ kind, id }, []);
      this.#deletions.push({ kind, id, sequence });
      this.#recent.push({ kind, id, sequence });
    }
    for (const record of effects.put) {
      this.#kind(record.kind).set(record.id, record);
      this.#recent.push({ kind: record.kind, id: record.id, sequence });
    }
    for (const { from, to } of effects.references) this.#setReferences(from, to);
    this.#claims.apply(effects.claims);
    if (forgetUntil !== undefined) {
      this.#deletions = this.#deletions.filter((deletion) => deletion.sequence > forgetUntil);
      this.#forgottenUntil = forgetUntil;
    }
    if (this.#recent.length > 8192) {
      const dropped = this.#recent.splice(0, 4096);
      this.#recentSince = dropped.at(-1)!.sequence;
      this.#recent = this.#recent.filter((change) => change.sequence > this.#recentSince);
    }
  }

  /**
   * The changes of a kind after a sequence, each object once, as it is now. `since` 0 is the full state. Throws
   * OUT_OF_RANGE (reason HISTORY_LOST) where deletions after `since` were forgotten, or where it lies in the future.
   */
  changesSince(kind: KindName, since: number): Exclude<Change, { type: "synced" }>[] {
    if (since > this.#sequence || (since > 0 && since < this.#forgottenUntil)) {
      throw lodgeError("HISTORY_LOST", `The history no longer reaches back to ${since}.`, {
        remedy: "Watch again from the full state, without a sequence to resume from.",
      });
    }
    const changes = this.#changed(kind, since).toSorted((a, b) => a.sequence - b.sequence);
    // Resuming behind one of several changes of one commit must not lose the others.
    return changes.map((change, index) =>
      changes[index + 1]?.sequence === change.sequence
        ? { ...change, sequence: change.sequence - 1 }
        : change,
    );
  }

  #changed(kind: KindName, since: number): Exclude<Change, { type: "synced" }>[] {
    if (since >= this.#recentSince && since > 0) {
      const from = this.#recent.findLastIndex((change) => change.sequence <= since) + 1;
      const ids = new Set(
        this.#recent
          .slice(from)
          .filter((change) => change.kind === kind)
          .map(({ id }) => id),
      );
      return [...ids].map((id) => this.#changeOf(kind, id));
    }
    const puts = this.list(kind)
      .filter((record) => record.sequence > since)
      .map((record) => ({ type: "put" as const, record, sequence: record.sequence }));
    if (since === 0) return puts;
    const gone = new Set(
      this.#deletions
        .filter(
          (entry) => entry.kind === kind && entry.sequence > since && !this.get(kind, entry.id),
        )
        .map(({ id }) => id),
    );
    return [...puts, ...[...gone].map((id) => this.#changeOf(kind, id))];
  }

  #changeOf(kind: KindName, id: string): Exclude<Change, { type: "synced" }> {
    const record = this.get(kind, id);
    if (record) return { type: "put", record, sequence: record.sequence };
    const deletion = this.#deletions.findLast((entry) => entry.kind === kind && entry.id === id);
    return {
      type: "delete",
      reference: { kind, id },
      sequence: deletion?.sequence ?? this.#sequence,
    };
  }

  #checkReferences({ put = [] }: Commit, deleted: readonly Reference[]): void {
    const gone = new Set(deleted.map(keyOf));
    const written = new Map(put.map((entry) => [keyOf(entry.record), entry]));
    for (const { references } of put) {
      for (const reference of references) {
        const key = keyOf(reference);
        if (written.has(key) || (this.get(reference.kind, reference.id) && !gone.has(key)))
          continue;
        throw lodgeError("NOT_FOUND", `There is no ${reference.kind} ${reference.id}.`, reference);
      }
    }
    for (const reference of deleted) {
      const users = this.users(reference).filter(
        (user) => !gone.has(keyOf(user)) && !written.has(keyOf(user)),
      );
      if (users.length === 0) continue;
      throw lodgeError(
        "IN_USE",
        `The ${reference.kind} ${reference.id} is needed by ${users.map(keyOf).join(", ")}.`,
        reference,
      );
    }
  }

  #forgetUntil(added: number): number | undefined {
    const excess = this.#deletions.length + added - this.#historyLimit;
    return excess > 0
      ? this.#deletions[Math.min(excess, this.#deletions.length) - 1]?.sequence
      : undefined;
  }

  #setReferences(from: Reference, to: readonly Reference[]): void {
    const key = keyOf(from);
    for (const target of this.#needs.get(key) ?? []) {
      const users = this.#users.get(keyOf(target));
      users?.delete(key);
      if (users?.size === 0) this.#users.delete(keyOf(target));
    }
    if (to.length === 0) this.#needs.delete(key);
    else this.#needs.set(key, to);
    for (const target of to) {
      const users = this.#users.get(keyOf(target)) ?? new Map<string, Reference>();
      this.#users.set(keyOf(target), users.set(key, { kind: from.kind, id: from.id }));
    }
  }

  #kind(kind: KindName): Map<string, Record> {
    const found = this.#records.get(kind);
    if (found) return found;
    const created = new Map<string, Record>();
    this.#records.set(kind, created);
    return created;
  }
}
