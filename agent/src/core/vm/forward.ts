import { forwardTarget, type ForwardTarget } from "../../lib/forward-target.ts";
import type { ObjectService } from "../service.ts";

/** Where a connection to a guest goes now. Throws NOT_FOUND, VM_NOT_RUNNING, REQUEST_INVALID, NO_ADDRESS. */
export async function findForwardTarget(
  core: { readonly services: { readonly vm: ObjectService<"vm"> } },
  vmId: string,
  nic: string,
): Promise<ForwardTarget> {
  const { id, spec, status } = await core.services.vm.get({ id: vmId }, false);
  const vm = {
    id,
    name: spec.name,
    running: status.actual_power_state === "running",
    primaryNic: spec.primary_nic,
    nics: status.nic_status.map(({ name, network_id, ipv4_address }) => ({
      name,
      networkId: network_id,
      ipv4Address: ipv4_address ?? undefined,
    })),
  };
  return forwardTarget(vm, nic);
}
