import { lodgeError } from "@lodge/schemas/rpc/error.ts";

/** What the way to a guest's port depends on. */
export interface ForwardableVm {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
  /** The interface to use where none is named; the first one where this is not given. */
  readonly primaryNic: string | undefined;
  readonly nics: readonly {
    readonly name: string;
    readonly networkId: string;
    /** Nothing where Lodge does not know it. */
    readonly ipv4Address: string | undefined;
  }[];
}

export interface ForwardTarget {
  readonly networkId: string;
  readonly ipv4Address: string;
}

/**
 * Where a connection to a guest goes: to the address of an interface, the primary one where `nic` is empty. The agent
 * asks for each connection, the command line before the first. Throws VM_NOT_RUNNING, REQUEST_INVALID, NO_ADDRESS.
 */
export function forwardTarget(vm: ForwardableVm, nic: string): ForwardTarget {
  const of = { kind: "vm", id: vm.id, name: vm.name };
  const title = `VM ${vm.name} (${vm.id})`;
  if (!vm.running) {
    throw lodgeError("VM_NOT_RUNNING", `${title} does not run.`, {
      ...of,
      remedy: `\`lodge vm start ${vm.name}\` starts it.`,
    });
  }
  const name = nic || vm.primaryNic || vm.nics[0]?.name;
  if (name === undefined) {
    throw lodgeError("NO_ADDRESS", `${title} has no network interface.`, {
      ...of,
      remedy: "Give it one in `nics`, with an `ipv4_pool_id`.",
    });
  }
  const found = vm.nics.find((candidate) => candidate.name === name);
  if (!found) {
    const names = vm.nics.map((candidate) => candidate.name).join(", ");
    throw lodgeError(
      "REQUEST_INVALID",
      `${title} has no interface ${name}; it has ${names || "none"}.`,
      of,
    );
  }
  if (!found.ipv4Address) {
    throw lodgeError("NO_ADDRESS", `Interface ${name} of ${title} has no address.`, {
      ...of,
      remedy: "Give it an `ipv4_pool_id`, so that Lodge knows its address.",
    });
  }
  return { networkId: found.networkId, ipv4Address: found.ipv4Address };
}
