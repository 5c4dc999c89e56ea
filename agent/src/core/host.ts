import type { Store } from "./port/store.ts";
import type { Record } from "./record.ts";

/** What the host has for guests. */
export interface HostResources {
  /** The agent's name: that of its certificate. */
  readonly name: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** DNS servers that guests reach from here, for networks that name none; default none. */
  readonly dnsServers?: readonly string[];
}

/**
 * The memory that VMs were promised: of each that runs, or is to run, the larger of what it has and of what it is to
 * get. The sum may not exceed what the host has: a guest's memory is never lent out twice, since the host would kill one
 * of them when both want it. What the host itself needs is left to its administrator's choice of sizes.
 */
export async function committedMemory(store: Store, except?: string): Promise<number> {
  const { records } = await store.list("vm");
  return records
    .filter(({ id }) => id !== except)
    .reduce((sum, record) => sum + promisedMemory(record), 0);
}

/** What one VM was promised. */
export function promisedMemory({ spec, internal, specRevision, deletedAt }: Record<"vm">): number {
  const wanted =
    deletedAt === undefined &&
    spec.power_state === "running" &&
    internal.offAtRevision !== specRevision;
  return Math.max(wanted ? spec.memory : 0, internal.boot?.spec.memory ?? 0);
}
