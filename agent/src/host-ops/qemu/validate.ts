/** What a caller may ask of QEMU: every value that ends up in its arguments is held to its form. */
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { QemuOperation } from "../../lib/host-operations.ts";
import { assertId } from "../validate.ts";

const objectName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const deviceName = /^[a-z][a-z0-9_-]{0,19}$/;
const macAddress = /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/;
const machineType = /^pc-q35-\d{1,3}\.\d{1,3}(?:\.\d{1,3})?$/;
/** A kernel's command line: one line of what x86 takes at most. */
const commandLine = /^[^\0\n]{0,2047}$/;

/** Devices of a kind that the machine has addresses for. */
const maxDevices = 104;

/** Throws INVALID_ARGUMENT (reason REQUEST_INVALID) unless every value of the operation has its form. */
export function assertQemu(qemu: QemuOperation): void {
  assertId(qemu.vmId);
  assertId(qemu.bootId);
  hold(objectName.test(qemu.name), "the name of a VM", qemu.name);
  hold(machineType.test(qemu.machineType), "a versioned machine type", qemu.machineType);
  hold(isCount(qemu.cpus, 255), "a number of CPUs", qemu.cpus);
  hold(isCount(qemu.memoryBytes, 2 ** 50), "a size of memory", qemu.memoryBytes);
  hold(qemu.disks.length <= maxDevices, "so many disks", qemu.disks.length);
  hold(qemu.nics.length <= maxDevices, "so many interfaces", qemu.nics.length);
  if (qemu.kernel) {
    assertId(qemu.kernel.imageId);
    if (qemu.kernel.initrdImageId !== undefined) assertId(qemu.kernel.initrdImageId);
    hold(commandLine.test(qemu.kernel.commandLine), "a command line", qemu.kernel.commandLine);
  }
  for (const { name, diskId, bootIndex } of qemu.disks) {
    hold(deviceName.test(name), "the name of a disk", name);
    assertId(diskId);
    hold(bootIndex === undefined || isCount(bootIndex + 1, 1000), "a boot index", bootIndex);
  }
  for (const { name, mac } of qemu.nics) {
    hold(deviceName.test(name), "the name of an interface", name);
    hold(macAddress.test(mac), "a MAC address", mac);
  }
}

function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}

function hold(holds: boolean, what: string, value: unknown): void {
  if (!holds) throw lodgeError("REQUEST_INVALID", `not ${what}: ${JSON.stringify(value)}`);
}
