import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { ObjectService } from "../service.ts";
import { describe } from "../words.ts";

export interface ForwardTarget {
  readonly networkId: string;
  readonly ipv4Address: string;
}

/**
 * Where a connection to a guest goes: to the address of an interface, the primary one where none is named. Throws
 * NOT_FOUND, VM_NOT_RUNNING, REQUEST_INVALID, NO_ADDRESS.
 */
export async function forwardTarget(
  core: { readonly services: { readonly vm: ObjectService<"vm"> } },
  vmId: string,
  nic: string,
): Promise<ForwardTarget> {
  const record = await core.services.vm.get({ id: vmId }, false);
  const { id, spec, status } = record;
  const of = { kind: "vm", id, name: spec.name };
  if (status.actual_power_state !== "running") {
    throw lodgeError("VM_NOT_RUNNING", `${describe(record)} does not run.`, {
      ...of,
      remedy: `\`lodge vm start ${spec.name}\` starts it.`,
    });
  }
  const name = nic || spec.primary_nic || status.nic_status[0]?.name;
  const found = status.nic_status.find((candidate) => candidate.name === name);
  if (!found) {
    const names = status.nic_status.map((candidate) => candidate.name).join(", ");
    throw lodgeError(
      name === undefined ? "NO_ADDRESS" : "REQUEST_INVALID",
      name === undefined
        ? `${describe(record)} has no network interface.`
        : `${describe(record)} has no interface ${name}; it has ${names || "none"}.`,
      of,
    );
  }
  if (found.ipv4_address === null) {
    throw lodgeError("NO_ADDRESS", `Interface ${name} of ${describe(record)} has no address.`, {
      ...of,
      remedy: "Give it an `ipv4_pool_id`, so that Lodge knows its address.",
    });
  }
  return { networkId: found.network_id, ipv4Address: found.ipv4_address };
}
