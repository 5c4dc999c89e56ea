import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Record, Reference } from "../record.ts";

/**
 * A word that only one record may hold at a time: a name, a MAC address, an IPv4 address of a network, the
 * attachment of a disk. `name:vm:web`, `mac:52:54:…`, `ipv4:NETWORK/10.20.0.10`, `attachment:DISK`.
 */
export interface Claim {
  readonly key: string;
  /** How long after its release nobody else gets it, in milliseconds. */
  readonly cooldown?: number;
}

/** A record with what the store must hold for it. */
export interface Entry {
  readonly record: Omit<Record, "sequence">;
  readonly claims: readonly Claim[];
  /** The objects that it needs: they cannot be deleted while it stands. */
  readonly references: readonly Reference[];
}

/** What must be so for a commit to happen; otherwise it throws ABORTED and nothing has changed. */
export interface Expectation extends Reference {
  /** The sequence of the record's last change; 0 when there must be none. */
  readonly sequence: number;
}

export interface Commit {
  readonly expect?: readonly Expectation[];
  /** Whole records: claims and references that a put leaves out are released. */
  readonly put?: readonly Entry[];
  readonly delete?: readonly Reference[];
}

/** A claim as it stands. */
export interface HeldClaim {
  readonly key: string;
  /** Absent once it was released and only cools down. */
  readonly holder?: Reference;
  /** When a released claim is free again. */
  readonly freeAt?: number;
}

export type Change =
  | { readonly type: "put"; readonly record: Record; readonly sequence: number }
  | { readonly type: "delete"; readonly reference: Reference; readonly sequence: number }
  | { readonly type: "synced"; readonly sequence: number };

/** Durable records with compare-and-swap and a history to watch. Every method may be called at any time. */
export interface Store {
  get<K extends KindName>(kind: K, id: string): Promise<Record<K> | undefined>;
  /** By the claim `name:KIND:NAME`. */
  find<K extends KindName>(kind: K, name: string): Promise<Record<K> | undefined>;
  list<K extends KindName>(
    kind: K,
  ): Promise<{ readonly records: readonly Record<K>[]; readonly sequence: number }>;
  /**
   * Everything or nothing, durable when it resolves. Resolves with the sequence of the commit.
   *
   * Throws ABORTED where an expectation fails, ALREADY_EXISTS (reason CLAIM_HELD, with the holder's kind and id
   * and the claim's key in its details) where another record holds a claim or it cools down, FAILED_PRECONDITION (reason
   * IN_USE, naming the users) where a deleted record is needed by one that stays, NOT_FOUND where a reference leads nowhere.
   */
  commit(commit: Commit): Promise<number>;
  /** The claims whose keys begin with a prefix. */
  claims(prefix: string): Promise<readonly HeldClaim[]>;
  /** The records that need an object. */
  users(reference: Reference): Promise<readonly Reference[]>;
  /**
   * The state after `since` (0: the full state), then `synced`, then every change as it happens, until the
   * signal aborts. Throws OUT_OF_RANGE where the history no longer reaches back to `since`.
   */
  watch(kind: KindName, since: number, signal: AbortSignal): AsyncIterable<Change>;
  close(): Promise<void>;
}
