import { diskEntry } from "../disk/service.ts";
import type { Disks } from "../port/disks.ts";
import type { Hypervisor } from "../port/hypervisor.ts";
import type { Networks } from "../port/networks.ts";
import type { ReconcilerContext } from "../reconciler.ts";
import type { Record } from "../record.ts";
import { allocationsOf } from "./entry.ts";
import { runStep } from "../step.ts";
import type { VmStep } from "./steps.ts";
import type { VmView } from "./view.ts";

/** What the steps of VMs work with. */
export interface VmPorts {
  readonly hypervisor: Hypervisor;
  readonly networks: Networks;
  readonly disks: Disks;
}

export type ExecuteContext = VmPorts & ReconcilerContext;

/** Does a step, and notes in the view what is so now. Throws what the ports throw. */
export async function execute(
  context: ExecuteContext,
  record: Record<"vm">,
  view: VmView,
  step: VmStep,
  signal: AbortSignal,
): Promise<void> {
  const { hypervisor, networks, disks } = context;
  const vmId = record.id;
  const run = <T>(body: () => Promise<T>): Promise<T> => runStep(context, step.name, record, body);
  switch (step.name) {
    case "plug_nic":
      // What fails half-way leaves an interface of which nothing is known.
      view.nics.set(step.nic.nic, null);
      await run(() => networks.plug(step.nic, signal));
      view.nics.set(step.nic.nic, step.nic);
      return;
    case "unplug_nic":
      view.nics.set(step.nic, null);
      await run(() => networks.unplug(vmId, step.nic, signal));
      view.nics.delete(step.nic);
      return;
    case "check_disk":
      await context.heavy(step.name, record, signal, (interruptible) =>
        run(() => disks.check(step.diskId, interruptible)),
      );
      view.checked.add(step.diskId);
      return;
    case "grow_disk":
      await run(() => disks.resize(step.diskId, step.bytes, signal));
      return grown(context, step.diskId, step.bytes);
    case "resize_disk":
      await run(() => hypervisor.resizeDisk(vmId, step.disk, step.bytes, signal));
      return grown(context, step.diskId, step.bytes);
    case "start_machine":
      return start(context, record, view, step, signal);
    case "set_reboot_action":
      await run(() => hypervisor.setRebootAction(vmId, step.action, signal));
      view.rebootAction = step.action;
      return;
    case "resume_guest":
      await run(() => hypervisor.resume(vmId, signal));
      view.resumedAt = context.clock.now();
      view.disturbances += 1;
      return;
    case "power_down":
      view.pressed = { bootId: step.bootId, at: context.clock.now() };
      await run(() => hypervisor.powerDown(vmId, signal));
      return;
    case "force_stop":
    case "remove_machine":
      await run(() => hypervisor.stop(vmId, signal));
      view.machine = undefined;
      view.rebootAction = undefined;
      return;
    case "delete_machine":
      await run(() => hypervisor.delete(vmId, signal));
      view.erased = true;
  }
}

async function start(
  context: ExecuteContext,
  record: Record<"vm">,
  view: VmView,
  step: VmStep & { readonly name: "start_machine" },
  signal: AbortSignal,
): Promise<void> {
  const { bootId } = step.config;
  // Also a start that throws may have let the guest at its disks.
  view.checked.clear();
  view.acknowledgedBefore = await acknowledgedBefore(context, record, bootId);
  const machine = await runStep(context, step.name, record, () =>
    context.hypervisor.start(step.config, signal),
  );
  view.machine = machine;
  view.rebootAction = "reset";
  const ms = machine.startedAt - record.createdAt;
  context.log.info(
    {
      vm: record.id,
      bootId,
      pid: machine.pid,
      ...(record.status.boots === 0 && { putToExecMs: ms }),
    },
    "guest started",
  );
}

/** What the guest's networks have acknowledged so far; undefined where they do not say. */
async function acknowledgedBefore(
  { networks }: ExecuteContext,
  record: Record<"vm">,
  bootId: string,
): Promise<VmView["acknowledgedBefore"]> {
  const ids = new Set(allocationsOf(record.internal).map(({ network_id }) => network_id));
  try {
    const found = await Promise.all([...ids].map((id) => networks.acknowledgements(id)));
    return { bootId, times: new Map(found.flat().map(({ mac, at }) => [mac, at])) };
  } catch {
    return undefined;
  }
}

/** The size that a disk has got, noted in its own record. */
async function grown({ ledger }: ExecuteContext, id: string, bytes: number): Promise<void> {
  const of = { kind: "disk", id } as const;
  await ledger.edit(
    of,
    diskEntry,
    (disk) => ({
      ...disk,
      status: { ...disk.status, size_bytes: Math.max(bytes, disk.status.size_bytes) },
      observedRevision: (disk.spec.size ?? 0) <= bytes ? disk.specRevision : disk.observedRevision,
    }),
    "commit_disk",
    of,
  );
}
