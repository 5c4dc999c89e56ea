import { isDeepStrictEqual } from "node:util";
import { isWaiting } from "../../lib/clock.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { backoffLimit } from "../../lib/retry.ts";
import type { NicConfig } from "../port/networks.ts";
import { stepBackoff } from "../reconciler.ts";
import type { BootRecord, Record } from "../record.ts";
import { attachedDisks } from "./entry.ts";
import { unmetNeed } from "./needs.ts";
import { askedRestart, restartRequired } from "./restart.ts";
import { rests } from "./view.ts";
import type { Working } from "./working.ts";

/** Something to do on the host. Each may be repeated; none relies on another of the same turn. */
export type VmStep =
  | { readonly name: "plug_nic"; readonly nic: NicConfig }
  | { readonly name: "unplug_nic"; readonly nic: string }
  | { readonly name: "check_disk"; readonly diskId: string }
  | { readonly name: "grow_disk"; readonly diskId: string; readonly bytes: number }
  | {
      readonly name: "resize_disk";
      readonly disk: string;
      readonly diskId: string;
      readonly bytes: number;
    }
  | { readonly name: "start_machine"; readonly config: MachineConfig }
  | { readonly name: "set_reboot_action"; readonly action: "reset" | "shutdown" }
  | { readonly name: "resume_guest" }
  | { readonly name: "power_down"; readonly bootId: string }
  | { readonly name: "force_stop" }
  | { readonly name: "remove_machine" }
  | { readonly name: "delete_machine" };

/**
 * What failures of a step are counted by: another interface, another disk or size of it and another guest are another
 * matter.
 */
export function stepKey(step: VmStep): string {
  switch (step.name) {
    case "plug_nic":
      return `${step.name}/${step.nic.nic}`;
    case "unplug_nic":
      return `${step.name}/${step.nic}`;
    case "check_disk":
      return `${step.name}/${step.diskId}`;
    case "grow_disk":
    case "resize_disk":
      return `${step.name}/${step.diskId}/${step.bytes}`;
    case "power_down":
      return `${step.name}/${step.bootId}`;
    default:
      return step.name;
  }
}

/** The steps whose preconditions hold, those of them that rest, and when time alone will make others possible. */
export function planSteps(facts: Working): {
  readonly steps: readonly VmStep[];
  readonly resting: readonly VmStep[];
  readonly wakeAt?: number;
} {
  const { view, now } = facts.input;
  const resting = new Map([...view.troubles].filter(([, trouble]) => rests(trouble, now)));
  const due = [
    ...endSteps(facts),
    ...nicSteps(facts),
    ...diskSteps(facts),
    ...liveSteps(facts),
    ...startSteps(facts),
  ];
  // Who cannot be asked can still be ended.
  const unseen = resting.has("observe");
  const isResting = (step: VmStep): boolean =>
    (unseen && step.name !== "force_stop") || resting.has(stepKey(step));
  const times = [
    ...[...resting.values()].map(({ retryAt }) => retryAt),
    facts.internal.stopping && facts.alive ? now + graceLeft(facts) : undefined,
    facts.stopWanted && isPressed(facts) ? view.pressed!.at + pressInterval : undefined,
    facts.wanted && !facts.alive ? restsUntil(facts) : undefined,
    view.machine?.diskError !== undefined && isResumed(facts)
      ? view.resumedAt! + resumeInterval
      : undefined,
  ].filter((at) => at !== undefined && at > now);
  return {
    steps: due.filter((step) => !isResting(step)),
    resting: due.filter(isResting),
    ...(times.length > 0 && { wakeAt: Math.min(...(times as number[])) }),
  };
}

/** A guest that still boots does not hear its power button: it is pressed again. */
const pressInterval = 5000;

function isPressed({ input: { view, now } }: Working): boolean {
  const { pressed, machine } = view;
  if (!pressed || pressed.bootId !== machine?.bootId) return false;
  return isWaiting(pressed.at + pressInterval, pressInterval, now);
}

/** Until when a VM whose guests fail is not started; undefined where it may be. */
export function restsUntil({ internal: { failures }, input }: Working): number | undefined {
  if (!failures) return undefined;
  const { count, retryAt } = failures;
  return isWaiting(retryAt, backoffLimit(stepBackoff, count), input.now) ? retryAt : undefined;
}

/** Milliseconds until a guest that does not end itself is ended by force. */
function graceLeft({ internal, input }: Working): number {
  const patience = askedRestart(internal) === "reset" ? 0 : input.record.spec.shutdown_timeout;
  return patience - input.stopLasts;
}

function endSteps(facts: Working): VmStep[] {
  const { record, view } = facts.input;
  const { machine } = view;
  if (!machine) {
    // Once its disks may go, this is done.
    const { boot, dismantling } = facts.internal;
    const gone = facts.deleting && !boot && !dismantling && !view.erased;
    return gone ? [{ name: "delete_machine" }] : [];
  }
  if (!facts.alive) {
    // Why it ended is written down before the traces of it go.
    const known = record.internal.boot?.bootId !== machine.bootId;
    return known ? [{ name: "remove_machine" }] : [];
  }
  if (!facts.stopWanted || !record.internal.stopping) return [];
  if (graceLeft(facts) <= 0) return [{ name: "force_stop" }];
  return isPressed(facts) ? [] : [{ name: "power_down", bootId: machine.bootId }];
}

/** The interfaces that the guest has, or will have. */
function wantedNics({ input, internal }: Working): Map<string, NicConfig> {
  const { id, spec } = input.record;
  const nics = Object.entries(internal.boot?.nics ?? {});
  return new Map(
    nics.map(([name, { network_id, mac, ipv4_address }]) => [
      name,
      {
        vmId: id,
        vmName: spec.name,
        nic: name,
        networkId: network_id,
        mac,
        ...(ipv4_address !== undefined && { ipv4Address: ipv4_address }),
      },
    ]),
  );
}

function nicSteps(facts: Working): VmStep[] {
  const { view, related } = facts.input;
  // A guest that has ended but is not cleared away yet still holds its interfaces.
  if (view.machine && !facts.alive) return [];
  const wanted = wantedNics(facts);
  const stale = (name: string, seen: NicConfig | null): boolean => {
    const config = wanted.get(name);
    return !config || (!facts.alive && seen !== null && seen.networkId !== config.networkId);
  };
  const unplug = [...view.nics]
    .filter(([name, seen]) => stale(name, seen))
    .map(([nic]) => ({ name: "unplug_nic" as const, nic }));
  const leaving = new Set(unplug.map(({ nic }) => nic));
  const plug = [...wanted.values()]
    .filter(
      (nic) =>
        !leaving.has(nic.nic) &&
        !isDeepStrictEqual(view.nics.get(nic.nic), nic) &&
        related.networks.get(nic.networkId)?.status.phase === "ready",
    )
    .map((nic) => ({ name: "plug_nic" as const, nic }));
  return [...unplug, ...plug];
}

function diskSteps(facts: Working): VmStep[] {
  const { record, view, related } = facts.input;
  if (view.machine && !facts.alive) return [];
  const { boot } = facts.internal;
  if (facts.deleting) return [];
  return attachedDisks({ ...record, internal: facts.internal }).flatMap((diskId): VmStep[] => {
    const found = related.disks.get(diskId);
    if (found?.status.phase !== "ready") return [];
    const bytes = missingBytes(found);
    if (!facts.alive && record.internal.unclean && !view.checked.has(diskId)) {
      return facts.wanted || bytes !== undefined ? [{ name: "check_disk", diskId }] : [];
    }
    if (bytes === undefined) return [];
    const open = facts.alive
      ? Object.entries(boot?.disks ?? {}).find(([, id]) => id === diskId)?.[0]
      : undefined;
    return open === undefined
      ? [{ name: "grow_disk", diskId, bytes }]
      : [{ name: "resize_disk", disk: open, diskId, bytes }];
  });
}

/** The size that a disk should have and has not yet. */
function missingBytes({ spec, status }: Record<"disk">): number | undefined {
  return spec.size !== undefined && spec.size > status.size_bytes ? spec.size : undefined;
}

function liveSteps(facts: Working): VmStep[] {
  if (!facts.alive || facts.internal.stopping) return [];
  const { view } = facts.input;
  const action = restartRequired(facts).length > 0 ? "shutdown" : "reset";
  return [
    ...(view.rebootAction === action ? [] : [{ name: "set_reboot_action" as const, action }]),
    ...(isResumable(facts) ? [{ name: "resume_guest" as const }] : []),
  ] as VmStep[];
}

/** A guest that finds no room again at once is not woken all the time. A person who paused it has a reason. */
const resumeInterval = 10_000;

function isResumed({ input: { view, now } }: Working): boolean {
  const { resumedAt } = view;
  return resumedAt !== undefined && isWaiting(resumedAt + resumeInterval, resumeInterval, now);
}

function isResumable(facts: Working): boolean {
  const { machine } = facts.input.view;
  return machine?.state === "paused" && machine.diskError !== undefined && !isResumed(facts);
}

function startSteps(facts: Working): VmStep[] {
  const { record, view } = facts.input;
  const boot = facts.internal.boot;
  if (facts.alive || view.machine || !facts.wanted || !boot) return [];
  // Only what is written down is started: a crash behind the start must not leave a guest that nobody knows.
  if (!isDeepStrictEqual(record.internal.boot, boot) || record.internal.unclean) return [];
  if (unmetNeed(facts) || !isPlugged(facts)) return [];
  return [{ name: "start_machine", config: machineConfig(facts, boot) }];
}

/** Whether all interfaces of the next guest are there, and as they should be. */
export function isPlugged(facts: Working): boolean {
  return [...wantedNics(facts)].every(([name, config]) =>
    isDeepStrictEqual(facts.input.view.nics.get(name), config),
  );
}

function machineConfig({ input, internal }: Working, boot: BootRecord): MachineConfig {
  const { record, capabilities } = input;
  const { spec } = boot;
  const names = Object.keys(boot.disks).toSorted();
  const order = spec.boot_order.length > 0 ? spec.boot_order : names;
  return {
    vmId: record.id,
    name: spec.name,
    bootId: boot.bootId,
    cpus: spec.cpus,
    memoryBytes: spec.memory,
    machineType: internal.machineType ?? capabilities.machineType,
    accelerator: capabilities.accelerator,
    firmware: spec.firmware,
    ...(spec.kernel && {
      kernel: {
        imageId: spec.kernel.image_id,
        commandLine: spec.kernel.command_line,
        ...(spec.kernel.initrd_image_id !== undefined && {
          initrdImageId: spec.kernel.initrd_image_id,
        }),
      },
    }),
    disks: names.map((name) => {
      const bootIndex = order.indexOf(name);
      return { name, diskId: boot.disks[name]!, ...(bootIndex >= 0 && { bootIndex }) };
    }),
    nics: Object.keys(boot.nics)
      .toSorted()
      .map((name) => ({ name, mac: boot.nics[name]!.mac })),
  };
}
