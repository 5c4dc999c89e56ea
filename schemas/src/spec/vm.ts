import * as z from "zod";
import { diskSize } from "./disk.ts";
import { duration } from "./duration.ts";
import { deviceName, ipv4Address, macAddress, objectId, objectName } from "./field.ts";
import type { Rule } from "./rule.ts";
import { size } from "./size.ts";

const MiB = 2 ** 20;

/** How many characters a kernel's command line may have: x86 takes 2048 bytes, and the last one ends it. */
export const commandLineLimit = 2047;
/** How many disks, and how many interfaces, a VM may have: its machine has addresses for so many of each. */
export const deviceLimit = 104;

const VmDisk = z.object({
  image_id: objectId.optional().meta({
    description:
      "Makes a disk of the VM's own from this image. Exactly one of `image_id`, `disk_id` or `size` alone.",
    update: "replace",
  }),
  disk_id: objectId.optional().meta({
    description: "Attaches a disk that stands by itself and outlives the VM.",
    update: "restart",
  }),
  size: diskSize.optional().meta({
    description:
      "The size of a disk of the VM's own; it grows in place and never shrinks. Default: the image's size.",
    update: "live",
  }),
});

const VmNic = z.object({
  network_id: objectId.meta({
    description: "The network that it is plugged into.",
    update: "restart",
  }),
  ipv4_pool_id: objectId.optional().meta({
    description:
      "The pool that its IPv4 address comes from. Without one its addressing is unmanaged.",
    update: "restart",
  }),
  ipv4_address: ipv4Address.optional().meta({
    description: "A certain address of the pool. Default: the lowest free one.",
    update: "restart",
  }),
  mac: macAddress.optional().meta({
    description:
      "The MAC address. Default: derived from the IPv4 address, else drawn once and kept.",
    update: "restart",
  }),
});

const VmKernel = z.object({
  image_id: objectId.meta({ description: "The image that holds the kernel.", update: "restart" }),
  initrd_image_id: objectId
    .optional()
    .meta({ description: "The image that holds the initial RAM disk.", update: "restart" }),
  command_line: z
    .string()
    .max(commandLineLimit)
    .regex(/^[^\0\n]*$/, { error: "must be one line" })
    .default("")
    .meta({
      description: "The kernel's command line.",
      update: "restart",
    }),
});

/** What is wanted of a VM. */
export const VmSpec = z.object({
  name: objectName.meta({ description: "The VM's name, unique on its host.", update: "live" }),
  cpus: z
    .int()
    .min(1)
    .max(255)
    .default(1)
    .meta({ description: "How many virtual CPUs.", update: "restart" }),
  memory: size({ min: 96 * MiB, max: 16 * 2 ** 40, step: MiB }).meta({
    description:
      "How much memory, for example `2GiB`; at least 96MiB and at most what the host has.",
    update: "restart",
  }),
  power_state: z.enum(["running", "stopped"]).default("running").meta({
    description:
      "Whether it should run. A guest that powers itself off stays off and is shown as drift of `actual_power_state`.",
    update: "live",
  }),
  firmware: z.enum(["bios", "uefi"]).default("bios").meta({
    description: "What boots the guest from its disks where no `kernel` is given.",
    update: "restart",
  }),
  kernel: VmKernel.optional().meta({
    description: "Boots this kernel directly, without firmware or boot loader.",
    update: "restart",
  }),
  boot_order: z.array(deviceName).max(8).default([]).meta({
    description:
      "The disks to boot from, by name, first first. Default: all, in the order of their names.",
    update: "restart",
  }),
  disks: z
    .record(deviceName, VmDisk)
    .default({})
    .meta({ description: "The VM's disks by name.", update: "restart" }),
  nics: z
    .record(deviceName, VmNic)
    .default({})
    .meta({ description: "The VM's network interfaces by name.", update: "restart" }),
  primary_nic: deviceName.optional().meta({
    description: "The interface whose address is `ipv4_address`. Default: the first by name.",
    update: "live",
  }),
  on_restart_required: z.enum(["defer", "restart"]).default("defer").meta({
    description:
      "What an apply does when a changed attribute needs a restart: `defer` waits for the next boot and names it in `restart_required`, `restart` stops and starts the guest.",
    update: "live",
  }),
  shutdown_timeout: duration({ min: 0, max: 3_600_000 }).default(60_000).meta({
    description: "How long a guest has to shut itself down before it is stopped by force.",
    update: "live",
  }),
  deletion_protection: z
    .boolean()
    .default(false)
    .meta({ description: "Refuses to delete the VM.", update: "live" }),
});
export type VmSpec = z.output<typeof VmSpec>;
export type VmDiskSpec = z.output<typeof VmDisk>;
export type VmNicSpec = z.output<typeof VmNic>;

/** The words for where a VM is in its life. */
export const vmPhases = [
  "pending",
  "provisioning",
  "starting",
  "running",
  "paused",
  "stopping",
  "stopped",
  "deleting",
  "failed",
] as const;
export type VmPhase = (typeof vmPhases)[number];

const VmDiskStatus = z.object({
  name: z.string().meta({ description: "The disk's name in `disks`." }),
  disk_id: z.string().meta({ description: "The id of the disk." }),
  size_bytes: z.int().meta({ description: "Its size in bytes." }),
});

const VmNicStatus = z.object({
  name: z.string().meta({ description: "The interface's name in `nics`." }),
  network_id: z.string().meta({ description: "The network that it is plugged into." }),
  mac: z.string().meta({ description: "Its MAC address." }),
  ipv4_address: z
    .string()
    .nullable()
    .meta({ description: "Its IPv4 address, where it comes from a pool." }),
  acknowledged: z.boolean(),
});

/** What a VM is. Facts that a restart or a tick changes stay out of Terraform's schema. */
export const VmStatus = z.object({
  phase: z.enum(vmPhases).meta({
    description:
      "Where it is in its life, such as `running`, `stopped`, `provisioning` or `failed`.",
    computed: "volatile",
  }),
  reason: z.string(),
  message: z.string().meta({
    description: "What it waits for, or why it is where it is; empty where all is well.",
    computed: "volatile",
  }),
  actual_power_state: z.enum(["running", "stopped"]).meta({
    description: "Whether it runs. Where this differs from `power_state`, an apply mends it.",
    computed: "volatile",
  }),
  restart_required: z.array(z.string()).meta({
    description: "The changed attributes that wait for the next boot.",
    computed: "volatile",
  }),
  disk_status: z.array(VmDiskStatus).meta({
    description: "The disks as they are, in the order of their names.",
    computed: "volatile",
  }),
  nic_status: z.array(VmNicStatus).meta({
    description: "The interfaces as they are, in the order of their names.",
    computed: "volatile",
  }),
  accelerator: z.enum(["kvm", "tcg"]).nullable().meta({
    description: "What runs the guest: `kvm`, or `tcg` for emulation. Null until it was started.",
    computed: "volatile",
  }),
  machine_type: z.string().nullable().meta({
    description: "The versioned machine type that the guest was started with.",
    computed: "volatile",
  }),
  pid: z.int().nullable(),
  boot_id: z.string().nullable(),
  boots: z.int(),
  started_at: z.int().nullable(),
  events: z.array(z.object({ time: z.int(), type: z.string(), message: z.string() })),
});
export type VmStatus = z.output<typeof VmStatus>;

function tooMany(devices: object): string | undefined {
  const count = Object.keys(devices).length;
  return count > deviceLimit ? `a VM has at most ${deviceLimit} of them, not ${count}` : undefined;
}

/** Rules across a VM's fields. */
export const vmRules: readonly Rule<VmSpec>[] = [
  {
    paths: ["disks.*", "disks.*.image_id", "disks.*.disk_id", "disks.*.size"],
    test: ({ disks }, [key]) => {
      const { image_id, disk_id, size: bytes } = disks[key!]!;
      if (disk_id !== undefined && image_id !== undefined)
        return "disk_id and image_id exclude each other";
      if (disk_id !== undefined && bytes !== undefined)
        return "the size of a disk_id's disk is set on that disk";
      if (disk_id === undefined && image_id === undefined && bytes === undefined) {
        return "needs exactly one of image_id, disk_id, or size alone for a blank disk";
      }
      return undefined;
    },
  },
  { paths: ["disks"], test: ({ disks }) => tooMany(disks) },
  { paths: ["nics"], test: ({ nics }) => tooMany(nics) },
  {
    paths: ["boot_order", "disks"],
    test: ({ boot_order, disks }) => {
      const stranger = boot_order.find((name) => !(name in disks));
      if (stranger !== undefined) return `${stranger} is none of the VM's disks`;
      const twice = boot_order.find((name, index) => boot_order.indexOf(name) !== index);
      return twice === undefined ? undefined : `${twice} is named twice`;
    },
  },
  {
    paths: ["primary_nic", "nics"],
    test: ({ primary_nic, nics }) =>
      primary_nic === undefined || primary_nic in nics
        ? undefined
        : `${primary_nic} is none of the VM's nics`,
  },
  {
    paths: ["nics.*.ipv4_address", "nics.*.ipv4_pool_id"],
    test: ({ nics }, [key]) => {
      const { ipv4_address, ipv4_pool_id } = nics[key!]!;
      return ipv4_address !== undefined && ipv4_pool_id === undefined
        ? "a certain address needs the ipv4_pool_id that it belongs to"
        : undefined;
    },
  },
  {
    paths: ["nics.*.mac"],
    test: ({ nics }, [key]) => {
      const mac = nics[key!]!.mac;
      const twin = Object.keys(nics).find((name) => name < key! && nics[name]!.mac === mac);
      return mac === undefined || twin === undefined
        ? undefined
        : `${twin} has the same MAC address`;
    },
  },
  {
    paths: ["disks.*.disk_id"],
    test: ({ disks }, [key]) => {
      const id = disks[key!]!.disk_id;
      const twin = Object.keys(disks).find((name) => name < key! && disks[name]!.disk_id === id);
      return id === undefined || twin === undefined ? undefined : `${twin} is the same disk`;
    },
  },
];
