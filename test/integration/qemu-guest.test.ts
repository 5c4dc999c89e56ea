import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../agent/src/lib/exec.ts";
import { paths } from "../../agent/src/lib/layout.ts";
import { identify, signalProcess } from "../../agent/src/lib/process.ts";
import { programName } from "../harness/program-name.ts";
import { QemuHost } from "../harness/qemu-host.ts";

const MiB = 2 ** 20;

/** Makes the shell print numbered lines of some fifty bytes, and then a word that is not in the command itself. */
const count = (lines: number): string =>
  `awk 'BEGIN { for (i = 1; i <= ${lines}; i++) print i "=${"x".repeat(45)}" }'; echo all-''printed\n`;

describe("a guest under QEMU", () => {
  let host: QemuHost;
  beforeEach(async () => {
    host = await QemuHost.create();
  });
  afterEach(() => host[Symbol.asyncDispose]());

  const disk = async (sizeBytes: number): Promise<string> => {
    const diskId = randomUUID();
    await host.disks.create({ diskId, sizeBytes }, host.signal);
    return diskId;
  };

  it("runs without capabilities and never gets any, behind a filter of system calls, in its own session", async () => {
    const { pid } = await host.start(host.config());
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = (name: string): string => new RegExp(`^${name}:\\s+(.+)$`, "m").exec(status)![1]!;
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      expect(field(set)).toBe("0000000000000000");
    }
    expect(field("NoNewPrivs")).toBe("1");
    expect(field("Seccomp")).toBe("2");
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    expect(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]).toBe(String(pid));
  });

  it("knows its name and identity, and which start it is", async () => {
    const config = host.config({ name: "db-7" });
    await host.boot(config);
    expect(await host.run(config.vmId, "hostname")).toBe("db-7");
    expect(await host.run(config.vmId, "cat /sys/class/dmi/id/product_uuid")).toBe(config.vmId);
    expect(await host.run(config.vmId, "cat /sys/class/dmi/id/sys_vendor")).toBe("Lodge");
  });

  it("has its disks in their order, by their names, and keeps what it wrote on them", async () => {
    const disks = [
      { name: "data", diskId: await disk(64 * MiB) },
      { name: "logs", diskId: await disk(32 * MiB) },
    ];
    const config = host.config({ disks });
    await host.boot(config);
    const serials = await host.run(config.vmId, "cat /sys/block/vda/serial /sys/block/vdb/serial");
    expect(serials.replaceAll("\r", "").match(/data\n?logs/)).not.toBeNull();
    await host.run(config.vmId, "echo kept | dd of=/dev/vdb conv=fsync");
    await host.hypervisor.stop(config.vmId, host.signal);
    await host.disks.check(disks[1]!.diskId, host.signal);
    await host.boot({ ...config, bootId: randomUUID() });
    expect(await host.run(config.vmId, "head -n 1 /dev/vdb")).toBe("kept");
  });

  it("sees a disk grow while it runs", async () => {
    const disks = [{ name: "data", diskId: await disk(16 * MiB) }];
    const { vmId } = await host.boot(host.config({ disks }));
    await host.hypervisor.resizeDisk(vmId, "data", 48 * MiB, host.signal);
    await host.until(
      async () => (await host.run(vmId, "cat /sys/block/vda/size")) === String((48 * MiB) / 512),
    );
    await host.hypervisor.stop(vmId, host.signal);
    expect(await host.disks.inspect(disks[0]!.diskId, host.signal)).toEqual({
      sizeBytes: 48 * MiB,
    });
  });

  it("is paused while the host's file system has no room for what it writes, and says which disk", async () => {
    const directory = paths.disks(host.layout);
    mkdirSync(directory, { recursive: true });
    await exec("mount", ["-t", "tmpfs", "-o", "size=4m", "disks", directory]);
    await using _ = {
      [Symbol.asyncDispose]: async () => {
        await host.hypervisor.stop(vmId, host.signal);
        await exec("umount", [directory]);
      },
    };
    const disks = [{ name: "data", diskId: await disk(64 * MiB) }];
    const { vmId } = await host.boot(host.config({ disks }));
    await host.type(vmId, "dd if=/dev/urandom of=/dev/vda bs=1M count=16 conv=fsync\n");
    const { detail } = await host.event(vmId, "paused");
    expect(detail).toBe("disk data: the host's file system is full");
    expect(await host.hypervisor.observe(vmId, host.signal)).toMatchObject({ state: "paused" });
  });

  it("can neither open a disk that another guest has, nor harm it by trying", async () => {
    const disks = [{ name: "data", diskId: await disk(16 * MiB) }];
    const first = await host.boot(host.config({ disks }));
    await expect(host.start(host.config({ disks }))).rejects.toMatchObject({
      reason: "QEMU_FAILED",
      message: expect.stringMatching(/lock/),
    });
    expect(await host.hypervisor.observe(first.vmId, host.signal)).toMatchObject({
      pid: first.pid,
      state: "running",
    });
  });

  it("cannot be put to a sleep that nobody would wake it from", async () => {
    const { vmId } = await host.boot();
    expect(await host.run(vmId, "cat /sys/power/mem_sleep")).toBe("[s2idle]");
  });

  it("gives a shell with job control", async () => {
    const { vmId } = await host.boot();
    await host.type(vmId, "sleep 1000\n");
    // What is typed while the shell prepares the terminal for its command is dropped.
    await host.until(async () => {
      await host.type(vmId, "\x03");
      return (await host.history(vmId)).includes("^C");
    });
    expect(await host.run(vmId, "echo back")).toBe("back");
  });

  it("may print for ever while no agent runs: the newest is kept, and little of it", async () => {
    const { vmId } = await host.boot();
    await host.type(vmId, count(30_000));
    host.die();
    const kept = [paths.consoleOld(host.layout, vmId), paths.consoleLog(host.layout, vmId)];
    await host.until(() => {
      try {
        return kept
          .map((path) => readFileSync(path, "latin1"))
          .join("")
          .includes("all-printed");
      } catch {
        // A file that is just being replaced is not there for a moment.
        return false;
      }
    });
    const bytes = kept.map((path) => statSync(path).size);
    expect(bytes[0]! + bytes[1]!).toBeLessThanOrEqual(MiB);
    host.restart();
    const text = await host.history(vmId);
    expect(text.length).toBeGreaterThanOrEqual(256 * 1024);
    const numbers = [...text.matchAll(/^(\d+)=x/gm)].map((match) => Number(match[1]));
    expect(numbers.at(-1)).toBe(30_000);
    // Nothing is missing between the two files, and nothing is there twice.
    const first = numbers[1]!;
    expect(numbers.slice(1)).toEqual(Array.from({ length: 30_001 - first }, (_, n) => first + n));
  });

  it("goes on printing when what keeps it is killed, and nothing is lost or there twice", async () => {
    const { vmId } = await host.boot();
    const writers = (): readonly number[] =>
      host.processes(vmId).filter((pid) => programName(pid) === "head");
    await host.until(() => writers().length === 2);
    const killed = writers();
    for (const pid of killed) signalProcess(identify(pid)!, "SIGKILL");
    await host.until(() => killed.every((pid) => identify(pid) === undefined));
    // More than the pipe and QEMU hold.
    await host.type(vmId, count(8_000));
    const text = await host.printed(vmId, /all-printed/);
    const numbers = [...text.matchAll(/^(\d+)=x/gm)].map((match) => Number(match[1]));
    expect(numbers).toEqual(Array.from({ length: 8_000 }, (_, n) => n + 1));
    expect(text).toMatch(/ready, boot /);
    expect(writers().filter((pid) => killed.includes(pid))).toEqual([]);
  });

  it("shows the same to all who read its console, also while files are changed", async () => {
    const { vmId } = await host.boot();
    const end = AbortSignal.timeout(600_000);
    const follow = async (): Promise<string> => {
      let text = "";
      for await (const chunk of host.consoles.read(vmId, { historyOnly: false }, end)) {
        text += Buffer.from(chunk).toString("latin1");
        // Whether more came in the same piece is chance.
        const printed = text.indexOf("all-printed");
        if (printed !== -1) return text.slice(0, printed);
      }
      return text;
    };
    const readers = [follow(), follow(), follow()];
    await host.type(vmId, count(20_000));
    const texts = await Promise.all(readers);
    for (const text of texts) {
      const numbers = [...text.matchAll(/^(\d+)=x/gm)].map((match) => Number(match[1]));
      expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 1));
    }
    expect(texts[1]).toBe(texts[0]);
  });

  it.each(["poweroff", "halt"])("powers itself off by %s", async (command) => {
    const { vmId } = await host.boot();
    await host.type(vmId, `${command}\n`);
    expect(await host.event(vmId, "shutdown")).toMatchObject({ cause: "guest_shutdown" });
  });

  it("reboots by reboot, also from a second shell on its console", async () => {
    const { vmId, guestBootId } = await host.boot();
    await host.type(vmId, "exit\n");
    await host.printed(vmId, /# [^]*exit[^]*# /);
    expect(await host.run(vmId, "tty; echo $PPID")).toMatch(/^\/dev\/ttyS0\s+1$/u);
    await host.type(vmId, "reboot\n");
    await host.event(vmId, "reset");
    const again = new RegExp(`boot ${guestBootId}[^]*ready, boot (?!${guestBootId})\\S+[^]*# `);
    await host.printed(vmId, again);
    expect(await host.hypervisor.observe(vmId, host.signal)).toMatchObject({ state: "running" });
  });

  it("leaves no process and no file behind", async () => {
    const { vmId, pid } = await host.boot();
    expect(host.processes(vmId)).toContain(pid);
    await host.hypervisor.stop(vmId, host.signal);
    await host.until(() => host.processes(vmId).length === 0);
    expect(host.leftovers()).toEqual([]);
  });
});
