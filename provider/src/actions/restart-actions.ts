/** `lodge_vm_reboot` and `lodge_vm_reset`: the guest is ended, kindly or not, and started anew. */
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Hosts } from "../hosts.ts";
import { persistently } from "../resources/put.ts";
import { action } from "../sdk/action.ts";
import { invokeVmAction, planVmAction, vmActionSchema, type Target } from "./vm-action.ts";

const changes =
  "Changed attributes that wait for a restart take effect. A VM that does not run is an error.";

export const vmReboot = action<Hosts>()({
  type: "lodge_vm_reboot",
  description: `Asks a VM's guest to shut down, starts it again and waits until it runs; a guest that does not shut down within the VM's \`shutdown_timeout\` is ended by force. ${changes}`,
  schema: vmActionSchema,
  plan: planVmAction,
  invoke: (context) => invokeVmAction(context, "running again", (target) => restart(target, false)),
});

export const vmReset = action<Hosts>()({
  type: "lodge_vm_reset",
  description: `Ends a VM's guest at once, as a power cut does, starts it again and waits until it runs. What the guest has not written to its disks is lost: for a guest that does not react any more. ${changes}`,
  schema: vmActionSchema,
  plan: planVmAction,
  invoke: (context) => invokeVmAction(context, "running again", (target) => restart(target, true)),
});

async function restart({ agent, item, limit, tell }: Target, force: boolean) {
  const { boot_id: before } = item.status;
  tell(item);
  const { signal } = limit;
  const request = { id: item.id, bootId: before ?? "", force };
  try {
    // A lost answer is asked for again: of a boot that has ended nothing more is wanted.
    await persistently(limit, () => agent.vms.restart(request, { signal }));
  } catch (thrown) {
    if (!(thrown instanceof LodgeError) || thrown.code !== "UNIMPLEMENTED") throw thrown;
    throw new Error(
      `The agent of ${agent.name} is too old to restart a guest. Upgrade it, or use lodge_vm_stop and lodge_vm_start.`,
      { cause: thrown },
    );
  }
  return ({ spec, status }: Target["item"]): boolean => {
    if (spec.power_state === "stopped") throw new Error(`The VM ${spec.name} is to be stopped.`);
    return status.boot_id !== null && status.boot_id !== before && status.phase === "running";
  };
}
