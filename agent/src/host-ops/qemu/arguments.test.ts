import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { links } from "../../lib/layout.ts";
import { qemuArguments } from "./arguments.ts";

const layout = { stateDir: "/state", runDir: "/run" };
const uuid = (digit: number): string =>
  `${digit}`.repeat(8) + `-${digit}`.padEnd(5, `${digit}`) + "-4000-8000-000000000000";
const minimal: MachineConfig = {
  vmId: uuid(1),
  name: "web-1",
  bootId: uuid(2),
  cpus: 2,
  memoryBytes: 512 * 2 ** 20,
  machineType: "pc-q35-7.2",
  accelerator: "tcg",
  firmware: "bios",
  disks: [],
  nics: [],
};

/** Pairs of an option and its value; options without a value stand alone. */
function lines(args: readonly string[]): readonly string[] {
  const result: string[] = [];
  for (const arg of args) {
    if (arg.startsWith("-") || result.length === 0) result.push(arg);
    else result.push(`${result.pop()} ${arg}`);
  }
  return result;
}

describe("the arguments of QEMU", () => {
  it("are these for a guest with everything", () => {
    const args = qemuArguments(layout, {
      ...minimal,
      kernel: { imageId: uuid(3), initrdImageId: uuid(4), commandLine: "console=ttyS0 quiet" },
      disks: [
        { name: "data", diskId: uuid(5) },
        { name: "root", diskId: uuid(6), bootIndex: 0 },
      ],
      nics: [{ name: "eth0", mac: "52:54:00:00:00:01" }],
    });
    expect(lines(args)).toMatchInlineSnapshot(`
      [
        "-name guest=web-1,debug-threads=on",
        "-uuid 11111111-1111-4000-8000-000000000000",
        "-nodefaults",
        "-no-user-config",
        "-display none",
        "-machine type=pc-q35-7.2,smm=off,vmport=off",
        "-global ICH9-LPC.disable_s3=1",
        "-global ICH9-LPC.disable_s4=1",
        "-accel tcg,thread=multi,tb-size=64",
        "-cpu max",
        "-smp cpus=2,sockets=1,cores=2,threads=1",
        "-m size=512M",
        "-rtc base=utc",
        "-boot menu=off,strict=on",
        "-action reboot=reset,shutdown=pause,panic=pause",
        "-trace enable=qemu_system_shutdown_request",
        "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-pidfile /run/vm/11111111-1111-4000-8000-000000000000/qemu.pid",
        "-chardev socket,id=monitor,path=/run/vm/11111111-1111-4000-8000-000000000000/qmp.sock,server=on,wait=off",
        "-mon chardev=monitor,mode=control",
        "-chardev socket,id=debug,path=/run/vm/11111111-1111-4000-8000-000000000000/debug.sock,server=on,wait=off",
        "-mon chardev=debug,mode=control",
        "-smbios type=1,manufacturer=Lodge,product=Lodge VM",
        "-smbios type=3,manufacturer=Lodge,asset=web-1",
        "-fw_cfg name=opt/lodge/boot-id,string=22222222-2222-4000-8000-000000000000",
        "-chardev pipe,id=console,path=/run/vm/11111111-1111-4000-8000-000000000000/console",
        "-serial chardev:console",
        "-object rng-random,id=random,filename=/dev/urandom",
        "-device virtio-rng-pci,rng=random,addr=01.0",
        "-device pvpanic-pci,addr=02.0",
        "-kernel /state/images/33333333-3333-4000-8000-000000000000",
        "-initrd /state/images/44444444-4444-4000-8000-000000000000",
        "-append console=ttyS0 quiet",
        "-netdev tap,id=nic-eth0,ifname=lgt-0a0dc47b763,script=no,downscript=no,vhost=off",
        "-device virtio-net-pci,id=nic-eth0,netdev=nic-eth0,mac=52:54:00:00:00:01,romfile=,addr=03.0",
        "-blockdev {"driver":"file","node-name":"disk-data-file","filename":"/state/disks/55555555-5555-4000-8000-000000000000.qcow2","discard":"unmap"}",
        "-blockdev {"driver":"qcow2","node-name":"disk-data","file":"disk-data-file","discard":"unmap"}",
        "-device virtio-blk-pci,id=disk-data,drive=disk-data,serial=data,werror=enospc,addr=10.0",
        "-blockdev {"driver":"file","node-name":"disk-root-file","filename":"/state/disks/66666666-6666-4000-8000-000000000000.qcow2","discard":"unmap"}",
        "-blockdev {"driver":"qcow2","node-name":"disk-root","file":"disk-root-file","discard":"unmap"}",
        "-device virtio-blk-pci,id=disk-root,drive=disk-root,serial=root,werror=enospc,addr=11.0",
      ]
    `);
  });

  it("are these where a guest boots by UEFI on KVM", () => {
    const firmware = { code: "/usr/share/OVMF/OVMF_CODE_4M.fd", variables: "/state/firmware/1.fd" };
    const uefi = { ...minimal, accelerator: "kvm", firmware: "uefi" } as const;
    const plain = lines(qemuArguments(layout, minimal));
    const different = lines(qemuArguments(layout, uefi, firmware)).filter(
      (line) => !plain.includes(line),
    );
    expect(different).toMatchInlineSnapshot(`
      [
        "-machine type=pc-q35-7.2,smm=off,vmport=off,pflash0=firmware-code,pflash1=firmware-variables",
        "-accel kvm",
        "-cpu host",
        "-blockdev {"driver":"file","node-name":"firmware-code-file","filename":"/usr/share/OVMF/OVMF_CODE_4M.fd","read-only":true}",
        "-blockdev {"driver":"raw","node-name":"firmware-code","file":"firmware-code-file","read-only":true}",
        "-blockdev {"driver":"file","node-name":"firmware-variables-file","filename":"/state/firmware/1.fd"}",
        "-blockdev {"driver":"raw","node-name":"firmware-variables","file":"firmware-variables-file"}",
      ]
    `);
  });

  it("double the commas of paths, which QEMU takes for the end of a value", () => {
    const args = qemuArguments({ stateDir: "/a,b", runDir: "/c,d" }, minimal);
    expect(args).toContain(
      `socket,id=monitor,path=/c,,d/vm/${minimal.vmId}/qmp.sock,server=on,wait=off`,
    );
    expect(args).toContain(`pipe,id=console,path=/c,,d/vm/${minimal.vmId}/console`);
  });

  it("give every device an address of its own, whatever the number of devices", () => {
    fc.assert(
      fc.property(fc.nat({ max: 104 }), fc.nat({ max: 104 }), (disks, nics) => {
        const args = qemuArguments(layout, {
          ...minimal,
          disks: Array.from({ length: disks }, (_, n) => ({ name: `d${n}`, diskId: uuid(5) })),
          nics: Array.from({ length: nics }, (_, n) => ({
            name: `n${n}`,
            mac: "52:54:00:00:00:01",
          })),
        });
        const addresses = args
          .filter((arg) => arg.includes("addr="))
          .map((arg) => /addr=([0-9a-f]{2}\.\d)/.exec(arg)![1]!);
        expect(new Set(addresses).size).toBe(disks + nics + 2);
        // Slots 00 and 1f are the machine's own.
        for (const address of addresses) {
          expect(Number.parseInt(address, 16)).toBeGreaterThan(0);
          expect(Number.parseInt(address, 16)).toBeLessThan(0x1f);
          expect(Number(address.at(-1))).toBeLessThan(8);
        }
      }),
    );
  });

  it("name the tap of each interface", () => {
    const nics = [{ name: "eth0", mac: "52:54:00:00:00:01" }];
    const args = qemuArguments(layout, { ...minimal, nics });
    expect(args.join(" ")).toContain(`ifname=${links.tap(minimal.vmId, "eth0")},`);
  });

  it.each([
    [96, 32],
    [512, 64],
    [65536, 256],
  ])("give a guest of %i MiB %i MiB for translated code", (memory, translated) => {
    const args = qemuArguments(layout, { ...minimal, memoryBytes: memory * 2 ** 20 });
    expect(args).toContain(`tcg,thread=multi,tb-size=${translated}`);
    expect(args).toContain(`size=${memory}M`);
  });
});
