import { LodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Client } from "@lodge/schemas/rpc/service.ts";
import type { Vm, VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { objectId } from "@lodge/schemas/spec/field.ts";

/** The VM of an id or a name; a name may look like an id. Throws NOT_FOUND. */
export async function findVm(
  client: Client<typeof VmService>,
  nameOrId: string,
  signal: AbortSignal,
): Promise<Vm> {
  if (objectId.safeParse(nameOrId).success) {
    try {
      return await client.get({ key: { case: "id", value: nameOrId } }, { signal });
    } catch (error) {
      if (!(error instanceof LodgeError && error.code === "NOT_FOUND")) throw error;
    }
  }
  try {
    return await client.get({ key: { case: "name", value: nameOrId } }, { signal });
  } catch (error) {
    if (!(error instanceof LodgeError && error.code === "NOT_FOUND")) throw error;
    throw lodgeError("NOT_FOUND", `There is no VM ${nameOrId} on this host.`, {
      kind: "vm",
      name: nameOrId,
      remedy: "`lodge vm list` shows those that are here.",
      cause: error,
    });
  }
}

/** What to call a VM in a message. */
export function vmName(vm: Vm): string {
  return vm.spec?.name ?? vm.meta?.id ?? "";
}

/** The id of a VM; an agent that sends none is at fault. */
export function vmId(vm: Vm): string {
  if (vm.meta?.id) return vm.meta.id;
  throw lodgeError("MALFORMED_MESSAGE", "The agent sent a VM without an id.");
}
