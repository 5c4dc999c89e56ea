/** `lodge_vm_reboot` and `lodge_vm_reset`: the guest is ended, kindly or not, and started anew. */
import { lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { VmPhase } from "@lodge/schemas/spec/vm.ts";
import type { Hosts } from "../hosts.ts";
import { persistently } from "../resources/put.ts";
import { follow } from "../resources/settle.ts";
import { action } from "../sdk/action.ts";
import { invokeVmAction, planVmAction, vmActionSchema, type Target } from "./vm-action.ts";

/** What a VM is while no guest is there and one will soon be. */
const starting: ReadonlySet<VmPhase> = new Set<VmPhase>(["pending", "provisioning", "starting"]);

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

async function restart(target: Target, force: boolean) {
  const { agent, limit } = target;
  const { id, bootId } = await guest(target);
  const { signal } = limit;
  const request = { id, bootId, force };
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
    return status.boot_id !== null && status.boot_id !== bootId && status.phase === "running";
  };
}

/** What is to be ended: a guest that is about to run is waited for. Throws where none is. */
async function guest({ agent, item, limit, tell }: Target) {
  const { id, spec } = item;
  let { boot_id: bootId } = item.status;
  tell(item);
  if (bootId !== null) return { id, bootId };
  await follow(agent, "vm", id, limit, (seen) => {
    if (!seen) throw new Error(`The VM ${spec.name} was deleted meanwhile.`);
    tell(seen);
    bootId = seen.status.boot_id;
    if (bootId === null && !isComing(seen)) throw notRunning(seen);
    return bootId !== null;
  });
  return { id, bootId: bootId! };
}

/** Not by the revision that was observed: that of a VM which has failed stays behind. */
function isComing({ spec, status }: Target["item"]): boolean {
  return spec.power_state === "running" && starting.has(status.phase);
}

function notRunning({ id, spec: { name }, status: { phase, message } }: Target["item"]): Error {
  if (phase === "failed") return new Error(`The VM ${name} has failed: ${message}`);
  return lodgeError("VM_NOT_RUNNING", `The VM ${name} does not run.`, {
    kind: "vm",
    id,
    name,
    ...(phase !== "deleting" && { remedy: "Start it instead." }),
  });
}
