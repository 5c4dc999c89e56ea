import type { VmPhase } from "@lodge/schemas/spec/vm.ts";
import type { Record } from "../record.ts";
import type { ObjectService } from "../service.ts";

/** Of a VM in one of these a guest is on its way. */
const coming: readonly VmPhase[] = ["pending", "provisioning", "starting"];

/**
 * Waits while a VM's first guest is on its way, so that its console can be followed from the beginning. Resolves as soon
 * as it runs, or will not come by itself; until the signal aborts.
 */
export async function awaitGuest(
  vms: ObjectService<"vm">,
  record: Record<"vm">,
  signal: AbortSignal,
): Promise<void> {
  if (!coming.includes(record.status.phase)) return;
  for await (const change of vms.watch(0, record.id, signal)) {
    if (change.type === "delete") return;
    if (change.type !== "put") continue;
    if (!coming.includes((change.record as Record<"vm">).status.phase)) return;
  }
}
