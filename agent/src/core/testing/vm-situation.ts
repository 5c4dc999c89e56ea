/** Situations of a VM, for tests of what its plan makes of them: all that a situation does not say is as it should be. */
import { kinds } from "@lodge/schemas/spec/kind.ts";
import type { VmSpec } from "@lodge/schemas/spec/vm.ts";
import type { Machine } from "../port/hypervisor.ts";
import type { BootRecord, NicAllocation, Record, VmInternal } from "../record.ts";
import { planVm, type Plan } from "../vm/plan.ts";
import { newView, type VmView } from "../vm/view.ts";

/** The time of every situation, in milliseconds. */
export const now = 1_700_000_000_000;
const nic: NicAllocation = {
  network_id: "lan",
  mac: "52:54:00:00:00:01",
  ipv4_address: "10.0.0.2",
};

const wish = (members: object = {}): VmSpec =>
  kinds.vm.spec.parse({ name: "web", memory: "128MiB", shutdown_timeout: "10s", ...members });

/** What of a situation is not as it should be. */
export interface Case {
  readonly spec?: object;
  readonly internal?: Partial<VmInternal>;
  readonly record?: Partial<Record<"vm">>;
  readonly view?: Partial<VmView>;
  readonly disk?: Partial<Record<"disk">["status"]>;
  readonly network?: Record<"network">["status"]["phase"];
}

/** A boot that is written down. */
export const boot = (members: Partial<BootRecord> = {}): BootRecord => ({
  spec: wish(),
  nics: { eth0: nic },
  disks: { root: "root-id" },
  bootId: "boot-1",
  ...members,
});
/** A boot whose guest was seen to start. */
export const started = (members: Partial<BootRecord> = {}) =>
  boot({ startedAt: now - 1000, ...members });

/** A guest that runs. */
export const machine = (members: Partial<Machine> = {}): Machine => ({
  vmId: "vm",
  bootId: "boot-1",
  pid: 7,
  state: "running",
  accelerator: "tcg",
  startedAt: now - 1000,
  ...members,
});

/** The interface of the wish, as it is on the host. */
export const plugged = new Map([
  [
    "eth0",
    {
      vmId: "vm",
      vmName: "web",
      nic: "eth0",
      networkId: "lan",
      mac: nic.mac,
      ipv4Address: "10.0.0.2",
    },
  ],
]);
/** A view of a guest that runs as it should. */
export const alive = { machine: machine(), nics: plugged, rebootAction: "reset" as const };

/** A step that has failed, and rests yet. */
export const trouble = (key: string, reason: string): VmView["troubles"] =>
  new Map([
    [
      key,
      {
        step: key.split("/")[0]!,
        specRevision: 1,
        deletedAt: undefined,
        reason,
        message: "no",
        count: 1,
        retryAt: now + 5,
      },
    ],
  ]);

/** `root` is a disk of the VM's own; it stands in the wish by being in `spec.disks`. */
const withRoot = { disks: { root: { size: "1GiB" } } };

/** What comes next. */
export function plan({
  spec = {},
  internal = {},
  record = {},
  view = {},
  disk = {},
  network = "ready",
}: Case): Plan {
  return planVm({
    record: {
      kind: "vm",
      id: "vm",
      creator: "ann",
      claimed: true,
      createdAt: now - 5000,
      specRevision: 1,
      observedRevision: 0,
      spec: wish({ ...withRoot, ...spec }),
      status: {
        phase: "pending",
        reason: "",
        message: "",
        actual_power_state: "stopped",
        restart_required: [],
        disk_status: [],
        nic_status: [],
        accelerator: null,
        machine_type: null,
        pid: null,
        boot_id: null,
        boots: 0,
        started_at: null,
        events: [],
      },
      internal: { nics: { eth0: nic }, disks: { root: "root-id" }, ...internal },
      sequence: 1,
      ...record,
    },
    view: { ...newView(true), ...view },
    related: {
      networks: new Map([
        [
          "lan",
          { spec: { name: "lan" }, status: { phase: network, message: "" } } as Record<"network">,
        ],
      ]),
      images: new Map(),
      disks: new Map([
        [
          "root-id",
          {
            kind: "disk",
            id: "root-id",
            spec: { name: "vm/root", size: 2 ** 30 },
            status: { phase: "ready", message: "", size_bytes: 2 ** 30, ...disk },
            internal: { ownerVmId: "vm" },
          } as Record<"disk">,
        ],
      ]),
    },
    capabilities: {
      qemuVersion: "7.2.0",
      machineType: "pc-q35-7.2",
      accelerator: "tcg",
      acceleratorReason: "",
      uefi: { available: true, reason: "" },
    },
    now,
    stopLasts: Math.max(0, now - (internal.stopping?.since ?? now)),
    bootId: "boot-2",
  });
}

/** The steps, the phase with its reason, and what becomes of the boot. */
export const brief = ({ steps, draft, finished }: Plan): string => {
  const { boot, stopping, unclean, offAtRevision, dismantling } = draft.internal;
  return [
    steps.map(({ name }) => name).join("+") || "-",
    [draft.status.phase, draft.status.reason].filter(Boolean).join(":"),
    boot ? `${boot.bootId}${boot.startedAt === undefined ? "?" : "!"}` : "",
    stopping && `stopping:${stopping.cause}`,
    unclean && "unclean",
    offAtRevision && "off",
    dismantling && "dismantling",
    finished && "finished",
  ]
    .filter(Boolean)
    .join(" ");
};

/** The wish of a guest that runs as it should. */
export const own = { spec: wish(withRoot) };
