import type { KindName, SpecOf } from "@lodge/schemas/spec/kind.ts";
import type { Draft } from "./ledger.ts";
import type { Entry, Expectation } from "./port/store.ts";
import type { InternalOf, Maker, Record, Reference } from "./record.ts";
import type { Refusal } from "./refusal.ts";

/** A wish on its way into the store. */
export interface Wish<K extends KindName> {
  readonly id: string;
  readonly spec: SpecOf<K>;
  /** The object as it is; absent where it is to be new. */
  readonly current?: Record<K>;
  readonly creator: string;
  /** Where it is to be new, and the client says which run it is. */
  readonly maker?: Maker;
  readonly now: number;
}

/** What a policy makes of a wish. Where there are refusals, nothing else of it counts. */
export interface Admission<K extends KindName> {
  readonly refusals: readonly Refusal[];
  /** What the record has beside the spec. */
  readonly status: Record<K>["status"];
  readonly internal: InternalOf<K>;
  /** Other records that change with it, and what must be so of them. */
  readonly further?: readonly Entry[];
  readonly expect?: readonly Expectation[];
  /** Objects that it holds no longer. */
  readonly freed?: readonly Reference[];
}

/** What one kind does differently: everything else of Put, Validate, Get, List, Watch and Delete is the same for all. */
export interface Policy<K extends KindName> {
  readonly kind: K;
  /** The claims and references that follow from a record. */
  entry(draft: Draft<K>): Entry | Promise<Entry>;
  /** Looks at the host, before the wish is judged: what it says there can change at any time anyway. */
  preflight?(spec: SpecOf<K>, current: Record<K> | undefined): Promise<readonly Refusal[]>;
  /** Judges a wish by what the store says, and decides what the object is given. Changes nothing. */
  admit(wish: Wish<K>): Promise<Admission<K>>;
  /** What speaks against the object's end, beside its users and its protection. */
  dismiss?(record: Record<K>): Promise<readonly Refusal[]>;
  /** Whether nothing on the host belongs to the object, so that its end needs no reconciler. */
  readonly storeOnly?: true;
  /** Fills in what follows from other records. */
  present?(record: Record<K>): Promise<Record<K>>;
  /** The spec that an edit is compared and stored with, where fields are only read at create. */
  normalize?(spec: SpecOf<K>, current: Record<K>): SpecOf<K>;
}
