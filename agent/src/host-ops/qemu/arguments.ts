import type { MachineConfig } from "../../lib/machine-config.ts";
import { links, paths, type Layout } from "../../lib/layout.ts";
import type { UefiFirmware } from "../../lib/uefi-firmware.ts";

const MiB = 2 ** 20;

/**
 * The arguments of QEMU. All that a path, an id or a device's address derives from is in the operation, so the same
 * operation gives the same machine. Options that take a path are JSON or double its commas.
 */
export function qemuArguments(
  layout: Layout,
  qemu: MachineConfig,
  firmware?: UefiFirmware,
): readonly string[] {
  const monitor = (id: string, path: string): readonly string[] => [
    ...option("-chardev", options(`socket,id=${id}`, { path, server: "on", wait: "off" })),
    ...option("-mon", `chardev=${id},mode=control`),
  ];
  return [
    ...option("-name", `guest=${qemu.name},debug-threads=on`),
    ...option("-uuid", qemu.vmId),
    "-nodefaults",
    "-no-user-config",
    ...option("-display", "none"),
    ...option("-machine", machine(qemu.machineType, firmware)),
    // A guest that sleeps would have nobody to wake it, so it is told that it cannot.
    ...option("-global", "ICH9-LPC.disable_s3=1"),
    ...option("-global", "ICH9-LPC.disable_s4=1"),
    ...accelerator(qemu),
    ...option("-smp", `cpus=${qemu.cpus},sockets=1,cores=${qemu.cpus},threads=1`),
    ...option("-m", `size=${memory(qemu.memoryBytes)}`),
    ...option("-rtc", "base=utc"),
    ...option("-boot", "menu=off,strict=on"),
    // QEMU stays when its guest ends, so that the agent always learns why.
    ...option("-action", "reboot=reset,shutdown=pause,panic=pause"),
    ...option("-trace", `enable=${shutdownTrace}`),
    ...option(
      "-sandbox",
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ),
    ...option("-pidfile", paths.qemuPid(layout, qemu.vmId)),
    ...monitor("monitor", paths.qmp(layout, qemu.vmId)),
    ...monitor("debug", paths.debugMonitor(layout, qemu.vmId)),
    ...option("-smbios", `type=1,manufacturer=Lodge,product=Lodge VM`),
    ...option("-smbios", `type=3,manufacturer=Lodge,asset=${qemu.name}`),
    ...option("-fw_cfg", `name=opt/lodge/boot-id,string=${qemu.bootId}`),
    ...serialConsole(layout, qemu),
    ...option("-object", "rng-random,id=random,filename=/dev/urandom"),
    ...option("-device", "virtio-rng-pci,rng=random,addr=01.0"),
    ...option("-device", "pvpanic-pci,addr=02.0"),
    ...(firmware ? flash(firmware) : []),
    ...(qemu.kernel ? kernel(layout, qemu.kernel) : []),
    ...qemu.nics.flatMap((nic, index) => interfaceOf(qemu, nic, index)),
    ...qemu.disks.flatMap((disk, index) => diskOf(layout, qemu, disk, index)),
  ];
}

/** QEMU writes this word to its log when the guest powers off: what an agent that was away reads the reason from. */
export const shutdownTrace = "qemu_system_shutdown_request";

function machine(type: string, firmware: UefiFirmware | undefined): string {
  // Nothing here uses system management mode or VMware's port, and both cost an emulated guest time.
  const pflash = firmware ? ",pflash0=firmware-code,pflash1=firmware-variables" : "";
  return `type=${type},smm=off,vmport=off${pflash}`;
}

function accelerator({ accelerator: kind, memoryBytes }: MachineConfig): readonly string[] {
  if (kind === "kvm") return ["-accel", "kvm", "-cpu", "host"];
  // The translated code of a small guest needs little; by default QEMU would take up to a gigabyte for it.
  const translated = Math.min(256, Math.max(32, Math.floor(memoryBytes / MiB / 8)));
  return ["-accel", `tcg,thread=multi,tb-size=${translated}`, "-cpu", "max"];
}

function memory(bytes: number): string {
  return bytes % MiB === 0 ? `${bytes / MiB}M` : `${Math.ceil(bytes / 1024)}K`;
}

/** Pipes, and not a socket with a log: there, what a slow reader has no room for would be logged twice. */
function serialConsole(layout: Layout, { vmId }: MachineConfig): readonly string[] {
  return [
    ...option("-chardev", options("pipe,id=console", { path: paths.console(layout, vmId) })),
    ...option("-serial", "chardev:console"),
  ];
}

function flash({ code, variables }: UefiFirmware): readonly string[] {
  return [
    ...blockdev("raw", "firmware-code", { filename: code }, { "read-only": true }),
    ...blockdev("raw", "firmware-variables", { filename: variables }, {}),
  ];
}

function kernel(
  layout: Layout,
  { imageId, initrdImageId, commandLine }: NonNullable<MachineConfig["kernel"]>,
): readonly string[] {
  return [
    ...option("-kernel", paths.image(layout, imageId)),
    ...(initrdImageId === undefined ? [] : ["-initrd", paths.image(layout, initrdImageId)]),
    ...option("-append", commandLine),
  ];
}

function interfaceOf(
  { vmId, nics }: MachineConfig,
  { name, mac }: MachineConfig["nics"][number],
  index: number,
): readonly string[] {
  const id = `nic-${name}`;
  const tap = `tap,id=${id},ifname=${links.tap(vmId, name)},script=no,downscript=no,vhost=off`;
  const at = address(3, 13, index, nics.length);
  // Without its option ROM, since nothing boots from the network.
  return [
    "-netdev",
    tap,
    "-device",
    `virtio-net-pci,id=${id},netdev=${id},mac=${mac},romfile=,${at}`,
  ];
}

function diskOf(
  layout: Layout,
  { disks, kernel: direct }: MachineConfig,
  { name, diskId, bootIndex }: MachineConfig["disks"][number],
  index: number,
): readonly string[] {
  const node = diskNode(name);
  // QEMU gives a kernel the first index itself, and refuses another one.
  const boot = direct || bootIndex === undefined ? "" : `,bootindex=${bootIndex}`;
  const at = address(16, 15, index, disks.length);
  return [
    ...blockdev("qcow2", node, { filename: paths.disk(layout, diskId) }, { discard: "unmap" }),
    ...option(
      "-device",
      `virtio-blk-pci,id=${node},drive=${node},serial=${name}${boot},werror=enospc,${at}`,
    ),
  ];
}

/** The name of a disk's block node and device. */
export function diskNode(name: string): string {
  return `disk-${name}`;
}

function blockdev(
  driver: "qcow2" | "raw",
  node: string,
  file: { readonly filename: string },
  common: Readonly<Record<string, string | boolean>>,
): readonly string[] {
  const below = { driver: "file", "node-name": `${node}-file`, ...file, ...common };
  return [
    ...option("-blockdev", JSON.stringify(below)),
    ...option(
      "-blockdev",
      JSON.stringify({ driver, "node-name": node, file: below["node-name"], ...common }),
    ),
  ];
}

/** The PCI address of the n-th device of a kind: a slot of its own for each, and then further functions in these. */
function address(first: number, slots: number, index: number, count: number): string {
  const slot = (first + (index % slots)).toString(16).padStart(2, "0");
  const shared = count > slots ? ",multifunction=on" : "";
  return `addr=${slot}.${Math.floor(index / slots)}${shared}`;
}

function option(name: string, value: string): readonly [string, string] {
  return [name, value];
}

function options(head: string, values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(
    ([key, value]) => `${key}=${value.replaceAll(",", ",,")}`,
  );
  return [head, ...pairs].join(",");
}
