/** What a caller may ask of QEMU: every value that ends up in its arguments is held to its form. */
import { commandLineLimit, deviceLimit } from "@lodge/schemas/spec/vm.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { assertDeviceName, assertId, assertMac, assertVmName, hold } from "../form.ts";

const machineType = /^pc-q35-\d{1,3}\.\d{1,3}(?:\.\d{1,3})?$/;
/** A kernel's command line is one line. */
const line = /^[^\0\n]*$/;

/** Throws INVALID_ARGUMENT (reason REQUEST_INVALID) unless every value of the operation has its form. */
export function assertQemu(qemu: MachineConfig): void {
  assertId(qemu.vmId);
  assertId(qemu.bootId);
  assertVmName(qemu.name);
  hold(machineType.test(qemu.machineType), "a versioned machine type", qemu.machineType);
  hold(isCount(qemu.cpus, 255), "a number of CPUs", qemu.cpus);
  hold(isCount(qemu.memoryBytes, 2 ** 50), "a size of memory", qemu.memoryBytes);
  hold(qemu.disks.length <= deviceLimit, "so many disks", qemu.disks.length);
  hold(qemu.nics.length <= deviceLimit, "so many interfaces", qemu.nics.length);
  if (qemu.kernel) {
    assertId(qemu.kernel.imageId);
    if (qemu.kernel.initrdImageId !== undefined) assertId(qemu.kernel.initrdImageId);
    const { commandLine } = qemu.kernel;
    hold(
      line.test(commandLine) && commandLine.length <= commandLineLimit,
      "a command line",
      commandLine,
    );
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
