import { randomBytes, randomUUID } from "node:crypto";
import { formatSize } from "@lodge/schemas/spec/size.ts";
import type { VmSpec, VmStatus } from "@lodge/schemas/spec/vm.ts";
import { committedMemory, type HostResources } from "../host.ts";
import type { Admission, Policy, Wish } from "../policy.ts";
import type { HypervisorCapabilities } from "../port/hypervisor.ts";
import type { Store } from "../port/store.ts";
import type { Record, VmInternal } from "../record.ts";
import { referenceRefusal } from "../reference.ts";
import type { Refusal } from "../refusal.ts";
import { allocate } from "./allocate.ts";
import { admitDisks } from "./disks.ts";
import { diskIds, freedDisks, vmEntry } from "./entry.ts";
import { without } from "./working.ts";

export interface VmPolicyOptions {
  readonly store: Store;
  readonly host: HostResources;
  readonly capabilities: HypervisorCapabilities;
  /** Draws the id of a disk; default a random UUID. */
  readonly drawId?: () => string;
  /** Draws a MAC address; default random, and never one that is derived from an address. */
  readonly drawMac?: () => string;
}

/** What is particular to VMs. */
export function vmPolicy(options: VmPolicyOptions): Policy<"vm"> {
  const { store } = options;
  return {
    kind: "vm",
    entry: (draft) => vmEntry(store, draft),
    admit: (wish) => admit(options, wish),
  };
}

async function admit(
  { store, host, capabilities, drawId = randomUUID, drawMac = randomMac }: VmPolicyOptions,
  wish: Wish<"vm">,
): Promise<Admission<"vm">> {
  const { id, spec, current, now } = wish;
  const allocation = await allocate({
    store,
    vmId: id,
    nics: spec.nics,
    current: current?.internal.nics ?? {},
    now,
    drawMac,
  });
  const disks = await admitDisks(store, wish, drawId);
  const internal: VmInternal = {
    ...(current && without(current.internal, "failures")),
    nics: allocation.nics,
    disks: disks.own,
  };
  const draft = { ...current, kind: "vm", id, spec, internal } as Record<"vm">;
  return {
    refusals: [
      ...(await resourceRefusals(store, host, wish)),
      ...firmwareRefusals(spec, capabilities),
      ...(await kernelRefusals(store, spec)),
      ...allocation.refusals,
      ...disks.refusals,
    ],
    status: current?.status ?? newStatus(spec, internal, disks.sizes),
    internal,
    further: disks.entries,
    expect: disks.expect,
    freed: current ? freedDisks(current, draft) : [],
  };
}

/** What a client must know of a VM before anything was done for it. */
function newStatus(
  spec: VmSpec,
  internal: VmInternal,
  sizes: ReadonlyMap<string, number>,
): VmStatus {
  return {
    phase: "pending",
    reason: "",
    message: "",
    actual_power_state: "stopped",
    restart_required: [],
    disk_status: Object.entries(diskIds(spec, internal)).map(([name, disk_id]) => ({
      name,
      disk_id,
      size_bytes: sizes.get(disk_id) ?? 0,
    })),
    nic_status: Object.entries(internal.nics).map(([name, { network_id, mac, ipv4_address }]) => ({
      name,
      network_id,
      mac,
      ipv4_address: ipv4_address ?? null,
      acknowledged: false,
    })),
    accelerator: null,
    machine_type: null,
    pid: null,
    boot_id: null,
    boots: 0,
    started_at: null,
    events: [],
  };
}

async function resourceRefusals(
  store: Store,
  host: HostResources,
  { id, spec, current }: Wish<"vm">,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  if (spec.cpus > host.cpus) {
    refusals.push({
      reason: "CPUS_EXCEEDED",
      path: ["cpus"],
      message: `${spec.cpus} virtual CPUs are more than the ${host.cpus} processors of host ${host.name}`,
      remedy: `Ask for at most ${host.cpus}.`,
    });
  }
  if (spec.memory > host.memoryBytes) {
    refusals.push({
      reason: "MEMORY_EXCEEDED",
      path: ["memory"],
      message: `${formatSize(spec.memory)} is more than the memory of host ${host.name}, ${round(host.memoryBytes)}`,
      remedy: "Ask for less, or place the VM on a larger host.",
    });
    return refusals;
  }
  if (spec.power_state !== "running") return refusals;
  const committed = await committedMemory(store, id);
  const own = Math.max(spec.memory, current?.internal.boot?.spec.memory ?? 0);
  if (committed + own <= host.memoryBytes) return refusals;
  refusals.push({
    reason: "MEMORY_EXCEEDED",
    path: ["memory"],
    message: `host ${host.name} has ${round(host.memoryBytes)} of memory, of which ${round(committed)} are promised to other VMs; ${formatSize(spec.memory)} more do not fit`,
    remedy: "Ask for less, stop another VM, or place this one on another host.",
    retryable: true,
  });
  return refusals;
}

function round(bytes: number): string {
  return formatSize(Math.floor(bytes / 2 ** 20) * 2 ** 20);
}

function firmwareRefusals(spec: VmSpec, { uefi }: HypervisorCapabilities): Refusal[] {
  if (spec.kernel || spec.firmware !== "uefi" || uefi.available) return [];
  return [
    {
      reason: "FIRMWARE_MISSING",
      path: ["firmware"],
      message: `this host cannot boot guests by UEFI: ${uefi.reason}`,
      remedy: 'Install the firmware (package ovmf) and restart the agent, or use "bios".',
    },
  ];
}

async function kernelRefusals(store: Store, { kernel }: VmSpec): Promise<Refusal[]> {
  const named = [
    ["image_id", kernel?.image_id],
    ["initrd_image_id", kernel?.initrd_image_id],
  ] as const;
  const found = await Promise.all(
    named.map(async ([field, id]) => {
      if (id === undefined) return undefined;
      const image = await store.get("image", id);
      return referenceRefusal({ kind: "image", id }, image, ["kernel", field]);
    }),
  );
  return found.filter((refusal) => refusal !== undefined);
}

/** Locally administered, unicast, and outside the range of those that are derived from addresses. */
function randomMac(): string {
  const octets = [...randomBytes(4)].map((octet) => octet.toString(16).padStart(2, "0"));
  return ["56", "54", ...octets].join(":");
}
