import type { KindName, SpecOf, StatusOf } from "@lodge/schemas/spec/kind.ts";

/** The durable truth of one object: what is wanted, what is, and who asked. All times are milliseconds since 1970. */
export interface Record<K extends KindName = KindName> {
  readonly kind: K;
  /** A UUID, chosen by the client that creates the object. */
  readonly id: string;
  /** The name of the principal that created it. */
  readonly creator: string;
  /** Whether a client has confirmed that it keeps the id; until then a Put of the same wish may adopt it. */
  readonly claimed: boolean;
  readonly createdAt: number;
  /** When its end was wished for. */
  readonly deletedAt?: number;
  /** Counts the edits of the spec, from 1. */
  readonly specRevision: number;
  /** The last revision that was applied in full; 0 before the first. */
  readonly observedRevision: number;
  readonly spec: SpecOf<K>;
  readonly status: StatusOf<K>;
  /** What only the agent knows of it and a restart must not forget. */
  readonly internal: InternalOf<K>;
  /** The store's position of its last change; given by the store. */
  readonly sequence: number;
}

/** The addresses that were given to an interface. */
export interface NicAllocation {
  readonly network_id: string;
  readonly ipv4_pool_id?: string;
  readonly ipv4_address?: string;
  readonly mac: string;
}

/** What a running guest was started with: compared with the wish it says what a restart would change. */
export interface BootRecord {
  readonly spec: SpecOf<"vm">;
  readonly nics: { readonly [name: string]: NicAllocation };
  readonly bootId: string;
  readonly startedAt: number;
}

export interface VmInternal {
  /** What the wish's interfaces were given. */
  readonly nics: { readonly [name: string]: NicAllocation };
  /** The ids of the disks that belong to the VM, by their name in it. */
  readonly disks: { readonly [name: string]: string };
  /** The guest that runs, absent while none does. */
  readonly boot?: BootRecord;
  /** The machine type of the first start, kept for life. */
  readonly machineType?: string;
  /** The revision under which the guest powered itself off: it stays off until the next Put. */
  readonly offAtRevision?: number;
  /** Failed starts in a row and when the next try is due. */
  readonly failures?: { readonly count: number; readonly retryAt: number };
}

interface InternalMap {
  readonly vm: VmInternal;
  readonly disk: { readonly ownerVmId?: string };
  readonly image: { readonly uploaded?: boolean };
  readonly network: object;
  readonly address_pool: object;
}

export type InternalOf<K extends KindName> = InternalMap[K];

/** An object of any kind, as references name it. */
export interface Reference {
  readonly kind: KindName;
  readonly id: string;
}
