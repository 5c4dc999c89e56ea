import { describe, expect, it } from "vitest";
import { commandLineLimit, deviceLimit } from "@lodge/schemas/spec/vm.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { assertQemu } from "./validate.ts";

const id = "11111111-1111-4111-8111-111111111111";
const valid: MachineConfig = {
  vmId: id,
  name: "web-1",
  bootId: id,
  cpus: 1,
  memoryBytes: 2 ** 27,
  machineType: "pc-q35-7.2",
  accelerator: "tcg",
  firmware: "bios",
  kernel: { imageId: id, initrdImageId: id, commandLine: "console=ttyS0 a,b=c -d" },
  disks: [{ name: "root", diskId: id, bootIndex: 0 }],
  nics: [{ name: "eth0", mac: "52:54:00:00:00:01" }],
};

describe("what may be asked of QEMU", () => {
  it("takes what has its form", () => {
    expect(() => assertQemu(valid)).not.toThrow();
    expect(() => assertQemu({ ...valid, machineType: "pc-q35-4.0.1" })).not.toThrow();
    const commandLine = "x".repeat(commandLineLimit);
    expect(() => assertQemu({ ...valid, kernel: { imageId: id, commandLine } })).not.toThrow();
  });

  it.each<readonly [string, Partial<MachineConfig>]>([
    ["an id that is a path", { vmId: "../../etc" }],
    ["a boot id with more in it", { bootId: `${id},x=y` }],
    ["a name with more in it", { name: "web,debug-threads=off" }],
    ["a machine without a version", { machineType: "q35" }],
    ["a machine with more in it", { machineType: "pc-q35-7.2,kernel=/etc/shadow" }],
    ["no CPU", { cpus: 0 }],
    ["half a CPU", { cpus: 1.5 }],
    ["no memory", { memoryBytes: Number.NaN }],
    ["a kernel that is a path", { kernel: { imageId: "/etc/shadow", commandLine: "" } }],
    [
      "an initial RAM disk that is a path",
      { kernel: { imageId: id, initrdImageId: "/x", commandLine: "" } },
    ],
    ["a command line of two lines", { kernel: { imageId: id, commandLine: "a\nb" } }],
    [
      "a command line that is too long",
      { kernel: { imageId: id, commandLine: "x".repeat(commandLineLimit + 1) } },
    ],
    ["a disk that is a path", { disks: [{ name: "root", diskId: "/dev/sda" }] }],
    ["a disk's name with more in it", { disks: [{ name: "a,serial=b", diskId: id }] }],
    ["a boot index below zero", { disks: [{ name: "a", diskId: id, bootIndex: -1 }] }],
    [
      "an interface's name with more in it",
      { nics: [{ name: "a,fd=3", mac: "52:54:00:00:00:01" }] },
    ],
    ["a MAC address of a group", { nics: [{ name: "a", mac: "53:54:00:00:00:01" }] }],
    [
      "a MAC address with more in it",
      { nics: [{ name: "a", mac: "52:54:00:00:00:01,romfile=x" }] },
    ],
    [
      "more disks than fit",
      { disks: Array.from({ length: deviceLimit + 1 }, (_, n) => ({ name: `d${n}`, diskId: id })) },
    ],
  ])("refuses %s", (_, change) => {
    expect(() => assertQemu({ ...valid, ...change })).toThrow(
      expect.objectContaining({ reason: "REQUEST_INVALID" }),
    );
  });
});
