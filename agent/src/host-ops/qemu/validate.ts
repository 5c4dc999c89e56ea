/** What a caller may ask of QEMU: every value that ends up in its arguments is held to its form. */
import type { MachineConfig } from "../../lib/machine-config.ts";
import { assertDeviceName, assertId, assertMac, assertVmName, hold } from "../form.ts";

const machineType = /^pc-q35-\d{1,3}\.\d{1,3}(?:\.\d{1,3})?$/;
/** A kernel's command line: one line of what x86 takes at most. */
const commandLine = /^[^\0\n]{0,2047}$/;

/** Devices of a kind that the machine has addresses for. */
const maxDevices = 104;

/** Throws INVALID_ARGUMENT (reason REQUEST_INVALID) unless every value of the operation has its form. */
export function assertQemu(qemu: MachineConfig): void {
  assertId(qemu.vmId);
  assertId(qemu.bootId);
  assertVmName(qemu.name);
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
    assertDeviceName("a disk", name);
    assertId(diskId);
    hold(bootIndex === undefined || isCount(bootIndex + 1, 1000), "a boot index", bootIndex);
  }
  for (const { name, mac } of qemu.nics) {
    assertDeviceName("an interface", name);
    assertMac(mac);
  }
}

function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}
