import type { HypervisorCapabilities } from "../port/hypervisor.ts";
import type { BootRecord, Record, VmInternal } from "../record.ts";
import { diskIds } from "./entry.ts";
import type { VmView } from "./view.ts";

/** The records that a VM needs, by their ids; what is not there is missing. */
export interface Related {
  readonly disks: ReadonlyMap<string, Record<"disk">>;
  readonly networks: ReadonlyMap<string, Record<"network">>;
  readonly images: ReadonlyMap<string, Record<"image">>;
}

export interface PlanInput {
  readonly record: Record<"vm">;
  readonly view: VmView;
  readonly related: Related;
  readonly capabilities: HypervisorCapabilities;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds that the stop in the record has lasted. */
  readonly stopLasts: number;
  /** The id of the next boot, if there is to be one. */
  readonly bootId: string;
}

/** An entry for the VM's log. */
export type NewEvent = (type: string, message: string) => void;

/** What the parts of a plan work on: the facts as they are known so far. */
export interface Working {
  readonly input: PlanInput;
  readonly deleting: boolean;
  /** Whether the guest should run: wished for, and not powered off by itself since. */
  readonly wanted: boolean;
  readonly alive: boolean;
  /** Whether the guest that runs is to be ended. */
  stopWanted: boolean;
  internal: VmInternal;
  /** A word and a sentence for why it does not run; kept while it stays so. */
  outcome: { readonly reason: string; readonly message: string } | undefined;
  boots: number;
  readonly dropDisks: string[];
  readonly event: NewEvent;
}

/** The VM's own disks that only a boot has: with the boot they are to go. */
export function dropDisksOf(facts: Working, boot: BootRecord): void {
  const { record, related } = facts.input;
  const kept = new Set(Object.values(diskIds(record.spec, facts.internal)));
  const own = (id: string): boolean => related.disks.get(id)?.internal.ownerVmId === record.id;
  facts.dropDisks.push(...Object.values(boot.disks).filter((id) => !kept.has(id) && own(id)));
}

/** An object without one of its optional members. */
export function without<T extends object, K extends keyof T>(value: T, key: K): Omit<T, K> & T {
  const { [key]: _, ...rest } = value;
  return rest as Omit<T, K> & T;
}
