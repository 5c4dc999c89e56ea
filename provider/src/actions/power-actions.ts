/** `lodge_vm_start` and `lodge_vm_stop`: the same edit of the wish, with another word. */
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Hosts } from "../hosts.ts";
import { persistently } from "../resources/put.ts";
import { action } from "../sdk/action.ts";
import { invokeVmAction, planVmAction, vmActionSchema, type Target } from "./vm-action.ts";

/** How often an edit is tried again that somebody else's edit came before. */
const attempts = 5;

const wishes =
  "Where the configuration of the VM says another `power_state`, the next plan wants to put that right again. As `before_update` of the VM itself it makes that update fail, which was planned from what the VM was before.";

export const vmStart = action<Hosts>()({
  type: "lodge_vm_start",
  description: `Starts a VM and waits until it runs. A VM that runs already is left alone. ${wishes}`,
  schema: vmActionSchema,
  plan: planVmAction,
  invoke: (context) => invokeVmAction(context, "running", (target) => setPower(target, "running")),
});

export const vmStop = action<Hosts>()({
  type: "lodge_vm_stop",
  description: `Asks a VM's guest to shut down and waits until it is off; after the VM's \`shutdown_timeout\` it is ended by force. A VM that is off already is left alone. ${wishes}`,
  schema: vmActionSchema,
  plan: planVmAction,
  invoke: (context) => invokeVmAction(context, "stopped", (target) => setPower(target, "stopped")),
});

/** Edits the wish, from what it is now: an edit that came between is read and kept. */
async function setPower({ agent, item, limit, tell }: Target, wished: "running" | "stopped") {
  const vms = agent.kind("vm");
  const { signal } = limit;
  let { specRevision: revision } = item;
  let current = item;
  tell(current);
  // A guest that powered itself off stays off until the next edit, although it is wished to run.
  const isSo = () =>
    current.spec.power_state === wished && current.status.actual_power_state === wished;
  for (let attempt = 1; !isSo(); attempt++) {
    const { id, spec, specRevision } = current;
    const wish = {
      id,
      spec: { ...spec, power_state: wished },
      expectedRevision: specRevision,
    };
    try {
      ({ specRevision: revision } = await persistently(limit, () => vms.put(wish, { signal })));
      break;
    } catch (thrown) {
      const outrun = thrown instanceof LodgeError && thrown.is("REVISION_MISMATCH");
      if (!outrun || attempt === attempts) throw thrown;
      current = await vms.get({ id }, false, { signal });
    }
  }
  return (seen: Target["item"]): boolean =>
    seen.observedRevision >= revision && seen.status.actual_power_state === wished;
}
