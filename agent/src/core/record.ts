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
  /** Who was last told the id as that of a new object. Absent where the client does not say which run it is. */
  readonly maker?: Maker;
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

/** A run of a client that has made or adopted an object. */
export interface Maker {
  readonly run: string;
  /** The id that it asked for: where it has adopted the object, not the object's own. */
  readonly wish: string;
}

/** The addresses that were given to an interface. */
export interface NicAllocation {
  readonly network_id: string;
  readonly ipv4_pool_id?: string;
  readonly ipv4_address?: string;
  readonly mac: string;
}

/** What a guest is or was to be started with: compared with the wish it says what a restart would change. */
export interface BootRecord {
  readonly spec: SpecOf<"vm">;
  readonly nics: { readonly [name: string]: NicAllocation };
  /** The ids of its disks, by their names. */
  readonly disks: { readonly [name: string]: string };
  readonly bootId: string;
  /** Absent until it was seen to run: written before the start, so that a crash in between loses nothing. */
  readonly startedAt?: number;
}

/** Why a running guest is being ended. */
export type StopCause = "power_state" | "delete" | "restart";

export interface VmInternal {
  /** What the wish's interfaces were given. */
  readonly nics: { readonly [name: string]: NicAllocation };
  /** The ids of the disks that belong to the VM, by their name in it. */
  readonly disks: { readonly [name: string]: string };
  /** The guest that runs or is being started. */
  readonly boot?: BootRecord;
  /** The guest is being ended since then; a restarted agent keeps the deadline that follows from it. */
  readonly stopping?: { readonly since: number; readonly cause: StopCause };
  /** The guest of this boot is to be ended, and another to be started; `force` leaves it no time. */
  readonly restart?: { readonly bootId: string; readonly force: boolean };
  /** The machine type of the first start, kept for life. */
  readonly machineType?: string;
  /** The revision under which the guest powered itself off: it stays off until the next Put. */
  readonly offAtRevision?: number;
  /** Its guest is gone for good and its own disks are to go before its record. */
  readonly dismantling?: true;
  /** The last guest did not close its disks: they are checked before the next start. */
  readonly unclean?: boolean;
  /** Failures in a row, what the last one was, and when the next try is due. */
  readonly failures?: {
    readonly count: number;
    readonly retryAt: number;
    readonly reason: string;
    readonly message: string;
  };
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
