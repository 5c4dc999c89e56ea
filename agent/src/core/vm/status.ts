import type { VmPhase, VmStatus } from "@lodge/schemas/spec/vm.ts";
import type { BootRecord } from "../record.ts";
import { diskIds } from "./entry.ts";
import { unmetNeed } from "./needs.ts";

import { restartRequired } from "./restart.ts";
import { isPlugged, type VmStep } from "./steps.ts";
import type { Working } from "./working.ts";

interface Situation {
  readonly phase: VmPhase;
  readonly reason: string;
  readonly message: string;
}

const plain = (phase: VmPhase): Situation => ({ phase, reason: "", message: "" });

/** What people are told of a VM: it follows from the facts alone. */
export function deriveStatus(
  facts: Working,
  steps: readonly VmStep[],
  events: VmStatus["events"],
): VmStatus {
  const { view } = facts.input;
  const boot = facts.alive ? facts.internal.boot : undefined;
  return {
    ...situation(facts, steps),
    actual_power_state: facts.alive ? "running" : "stopped",
    restart_required: restartRequired(facts),
    disk_status: diskStatus(facts, boot),
    nic_status: nicStatus(facts, boot),
    accelerator: boot && view.machine ? view.machine.accelerator : null,
    machine_type: facts.internal.machineType ?? null,
    pid: boot && view.machine ? view.machine.pid : null,
    boot_id: boot?.bootId ?? null,
    boots: facts.boots,
    started_at: boot?.startedAt ?? null,
    events,
  };
}

function situation(facts: Working, steps: readonly VmStep[]): Situation {
  const { view } = facts.input;
  // The one that failed first is told until it is over: a status that changes with each try tells less.
  const trouble = view.troubles.get("observe") ?? [...view.troubles.values()][0];
  const { failures } = facts.internal;
  const problem = trouble && { reason: trouble.reason, message: trouble.message };
  if (facts.deleting) return { ...plain("deleting"), ...problem };
  if (facts.alive) return { ...alivePhase(facts), ...problem };
  const need = unmetNeed(facts);
  if (!facts.wanted) {
    if (need) return waiting(need);
    return { ...plain("stopped"), ...facts.outcome, ...problem };
  }
  if (failures && !facts.internal.boot) {
    const { reason, message } = failures;
    return { phase: "failed", reason, message };
  }
  if (problem) return { phase: "failed", ...problem };
  if (need) return waiting(need);
  const preparing = steps.some(({ name }) => name !== "start_machine" && name !== "remove_machine");
  return plain(preparing || !isPlugged(facts) ? "provisioning" : "starting");
}

function waiting({ failed, reason, message }: ReturnType<typeof unmetNeed> & object): Situation {
  return failed
    ? { phase: "failed", reason, message }
    : { phase: "provisioning", reason: "", message };
}

function alivePhase(facts: Working): Situation {
  if (facts.internal.stopping && facts.stopWanted) return plain("stopping");
  const { record, view } = facts.input;
  const { machine } = view;
  // Nobody says that it does anything else than before.
  if (machine?.state === "unreachable" && record.status.phase === "paused") return plain("paused");
  if (machine?.state !== "paused") return plain("running");
  if (machine.diskError === undefined) {
    const why =
      machine.detail === undefined
        ? "somebody paused it through its debug monitor"
        : `QEMU calls it ${machine.detail}`;
    return {
      phase: "paused",
      reason: "PAUSED",
      message: `The guest's processors stand still: ${why}.`,
    };
  }
  return {
    phase: "paused",
    reason: "DISK_ERROR",
    message: `The guest stands still, and goes on when it can write again: ${machine.diskError}.`,
  };
}

/** The disks of the guest that runs, else those of the wish. */
function diskStatus(facts: Working, boot: BootRecord | undefined): VmStatus["disk_status"] {
  const disks = boot?.disks ?? diskIds(facts.input.record.spec, facts.internal);
  return Object.entries(disks)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, id]) => ({
      name,
      disk_id: id,
      size_bytes: facts.input.related.disks.get(id)?.status.size_bytes ?? 0,
    }));
}

/** The interfaces of the guest that runs, else those of the wish. */
function nicStatus(facts: Working, boot: BootRecord | undefined): VmStatus["nic_status"] {
  const nics = boot?.nics ?? facts.internal.nics;
  const before = facts.input.record.status;
  return Object.keys(nics)
    .toSorted()
    .map((name) => {
      const { network_id, mac, ipv4_address = null } = nics[name]!;
      const known =
        before.boot_id === boot?.bootId &&
        before.nic_status.some((nic) => nic.mac === mac && nic.acknowledged);
      return {
        name,
        network_id,
        mac,
        ipv4_address,
        acknowledged:
          boot !== undefined && (known || isAcknowledged(facts, boot, mac, ipv4_address)),
      };
    });
}

/**
 * Whether the guest has taken its address since it was started. Where it is known what there was before the start, that
 * is told without comparing times, since the clock may have been set in between; but the DHCP server's times are exact
 * to a second, and in the second of the start there may have been two.
 */
function isAcknowledged(
  { input }: Working,
  boot: BootRecord,
  mac: string,
  address: string | null,
): boolean {
  const { acknowledgements, acknowledgedBefore } = input.view;
  const acknowledgement = acknowledgements.get(mac);
  if (acknowledgement?.ipv4Address !== address) return false;
  const { at } = acknowledgement;
  const since = Math.floor((boot.startedAt ?? 0) / 1000) * 1000;
  if (acknowledgedBefore?.bootId !== boot.bootId) return at >= since;
  return at === since || at !== acknowledgedBefore.times.get(mac);
}
