import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MachineConfig } from "../../agent/src/lib/machine-config.ts";
import { paths } from "../../agent/src/lib/layout.ts";
import { QemuHost } from "../harness/qemu-host.ts";

const MiB = 2 ** 20;

/** A boot sector that writes a text to the first serial port and halts. */
function bootSector(text: string): Buffer {
  const sector = Buffer.alloc(MiB);
  // xor ax, ax; mov ds, ax; mov si, text; mov dx, 0x3f8; lodsb; test al, al; jz; out dx, al; jmp to lodsb; hlt, for ever
  const code = Buffer.from("31c08ed8be157cbaf803ac84c07403eeebf8f4ebfd", "hex");
  code.copy(sector);
  sector.write(`${text}\0`, code.length, "latin1");
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

describe("firmware", () => {
  let host: QemuHost;
  beforeEach(async () => {
    host = await QemuHost.create();
  });
  afterEach(() => host[Symbol.asyncDispose]());

  /** A disk over an image whose boot sector writes the text. */
  const bootable = async (text: string): Promise<string> => {
    const [imageId, diskId] = [randomUUID(), randomUUID()];
    const hostPath = join(host.images.roots[0]!, `${imageId}.raw`);
    writeFileSync(hostPath, bootSector(text));
    const facts = await host.images.copy({ imageId, hostPath }, host.signal);
    expect(facts).toMatchObject({ format: "raw", virtualSizeBytes: MiB });
    await host.disks.create({ diskId, imageId }, host.signal);
    return diskId;
  };
  const withoutKernel = (changes: Partial<MachineConfig>): MachineConfig => {
    const { kernel: _, ...config } = host.config(changes);
    return config;
  };

  it("boots a disk by BIOS", async () => {
    const disks = [{ name: "root", diskId: await bootable("hello from the sector"), bootIndex: 0 }];
    const { vmId } = await host.start(withoutKernel({ disks }));
    expect(await host.printed(vmId, /hello from the sector/)).toContain("hello");
  });

  it("boots the disk that is first in the order", async () => {
    const disks = [
      { name: "a", diskId: await bootable("this is a"), bootIndex: 1 },
      { name: "b", diskId: await bootable("this is b"), bootIndex: 0 },
    ];
    const { vmId } = await host.start(withoutKernel({ disks }));
    expect(await host.printed(vmId, /this is \w/)).toContain("this is b");
  });

  it("runs UEFI, and keeps its variables until the VM is deleted", async () => {
    const config = withoutKernel({ firmware: "uefi", memoryBytes: 256 * MiB });
    const { vmId } = await host.start(config);
    expect(await host.printed(vmId, /BdsDxe|UEFI/)).toMatch(/BdsDxe|UEFI/);
    const variables = paths.firmwareVariables(host.layout, vmId);
    await host.hypervisor.stop(vmId, host.signal);
    const before = readFileSync(variables);
    writeFileSync(variables, before);
    expect(await host.hypervisor.list()).toEqual([vmId]);
    expect(await host.hypervisor.observe(vmId, host.signal)).toBeUndefined();
    await host.hypervisor.delete(vmId, host.signal);
    expect(existsSync(variables)).toBe(false);
    expect(await host.hypervisor.list()).toEqual([]);
    expect(host.leftovers()).toEqual([]);
  });
});
