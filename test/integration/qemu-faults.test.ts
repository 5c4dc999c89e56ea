import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { QemuHypervisor } from "../../agent/src/driver/qemu/hypervisor.ts";
import { createQemuOperations } from "../../agent/src/host-ops/qemu/qemu-operations.ts";
import { paths } from "../../agent/src/lib/layout.ts";
import { identify, signalProcess } from "../../agent/src/lib/process.ts";
import { programName } from "../harness/program-name.ts";
import { QemuHost } from "../harness/qemu-host.ts";

describe("QEMU and an agent that things happen to", () => {
  let host: QemuHost;
  beforeEach(async () => {
    host = await QemuHost.create();
  });
  afterEach(() => host[Symbol.asyncDispose]());

  const observed = (vmId: string) => host.hypervisor.observe(vmId, host.signal);

  it("lets a guest live on when the agent that started it is killed", async () => {
    const config = host.config();
    const script = resolve(import.meta.dirname, "../harness/start-qemu.ts");
    const args = [script, JSON.stringify(host.layout), JSON.stringify(config)];
    const agent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(agent.stdout, "data")) as [Buffer];
    const text = await host.printed(config.vmId, /ready, boot \S+/);
    agent.kill("SIGKILL");
    await once(agent, "exit");
    const machine = (await observed(config.vmId))!;
    expect(machine).toMatchObject({ pid: Number(line.toString()), state: "running" });
    expect(machine.bootId).toBe(config.bootId);
    const guestBootId = /boot (\S+)/.exec(text)![1]!;
    expect(await host.run(config.vmId, "cat /proc/sys/kernel/random/boot_id")).toBe(guestBootId);
  });

  it.each([
    ["is missing", (path: string) => rmSync(path)],
    ["says that one was about to be started", (path: string) => writeFileSync(path, intent)],
    ["is damaged", (path: string) => writeFileSync(path, "{")],
  ])("finds a QEMU whose record %s, and starts no second one", async (_, harm) => {
    const config = host.config();
    const { pid, bootId } = await host.start(config);
    harm(paths.qemuProcess(host.layout, config.vmId));
    host.restart();
    expect(await observed(config.vmId)).toMatchObject({ pid, bootId, state: "running" });
    harm(paths.qemuProcess(host.layout, config.vmId));
    expect((await host.start({ ...config, bootId: randomUUID() })).pid).toBe(pid);
    await host.hypervisor.stop(config.vmId, host.signal);
    expect(host.leftovers()).toEqual([]);
    expect(identify(pid)).toBeUndefined();
  });

  it("takes no process for its QEMU that an earlier boot of the host recorded", async () => {
    const config = host.config();
    const { pid } = await host.start(config);
    const path = paths.qemuProcess(host.layout, config.vmId);
    const record = JSON.parse(readFileSync(path, "utf8")) as object;
    // A process that is another's, with the very pid and start time.
    signalProcess(identify(pid)!, "SIGKILL");
    await host.event(config.vmId, "exited");
    const innocent = identify(process.pid)!;
    writeFileSync(path, JSON.stringify({ ...record, ...innocent, hostBoot: "earlier" }));
    expect(await observed(config.vmId)).toMatchObject({ state: "exited" });
    await host.hypervisor.stop(config.vmId, host.signal);
    expect(host.leftovers()).toEqual([]);
  });

  it("runs a VM once where it is started twice at once", async () => {
    const config = host.config();
    const operations = [host.layout, host.layout].map((layout) => createQemuOperations(layout));
    const [first, second] = await Promise.all(
      operations.map(({ startQemu }) => startQemu(config, host.signal)),
    );
    expect(second!.pid).toBe(first!.pid);
    await host.until(() => {
      const programs = host.processes(config.vmId).map(programName);
      return programs.filter((name) => name.startsWith("qemu")).length === 1;
    });
    await host.hypervisor.stop(config.vmId, host.signal);
  });

  it.each([
    ["is gone", (path: string) => rmSync(path)],
    [
      "is no socket",
      (path: string) => {
        rmSync(path);
        writeFileSync(path, "not a socket");
      },
    ],
  ])("reaches a guest by its second monitor where the first one's socket %s", async (_, harm) => {
    const { vmId, pid } = await host.boot();
    harm(paths.qmp(host.layout, vmId));
    expect(await observed(vmId)).toMatchObject({ pid, state: "running" });
    host.restart();
    expect(await observed(vmId)).toMatchObject({ pid, state: "running" });
    await host.hypervisor.powerDown(vmId, host.signal);
    expect(await host.event(vmId, "shutdown")).toMatchObject({ cause: "guest_shutdown" });
  });

  it("says that a guest cannot be asked where both sockets are gone, and leaves it alone", async () => {
    const { vmId, pid, guestBootId } = await host.boot();
    const sockets = [paths.qmp(host.layout, vmId), paths.debugMonitor(host.layout, vmId)];
    for (const path of sockets) renameSync(path, `${path}.away`);
    host.restart();
    expect(await observed(vmId)).toMatchObject({ pid, state: "unreachable" });
    expect(await host.run(vmId, "cat /proc/sys/kernel/random/boot_id")).toBe(guestBootId);
    for (const path of sockets) renameSync(`${path}.away`, path);
    expect(await observed(vmId)).toMatchObject({ pid, state: "running" });
  });

  it("ends and forgets a guest that cannot be asked", async () => {
    const { vmId, pid } = await host.start(host.config());
    host.restart();
    rmSync(paths.qmp(host.layout, vmId));
    rmSync(paths.debugMonitor(host.layout, vmId));
    expect(await observed(vmId)).toMatchObject({ pid, state: "unreachable" });
    signalProcess(identify(pid)!, "SIGKILL");
    // Its end is noticed though there was no connection.
    expect((await host.event(vmId, "exited")).detail).toContain("QEMU");
    await host.hypervisor.stop(vmId, host.signal);
    expect(host.leftovers()).toEqual([]);
  });

  it("says so where others hold both monitors, and connects when they leave", async () => {
    const { vmId } = await host.start(host.config());
    host.die();
    const strangers = [paths.qmp, paths.debugMonitor].map((path) =>
      createConnection(path(host.layout, vmId)),
    );
    await Promise.all(strangers.map((stranger) => once(stranger, "data")));
    const { layout } = host;
    using hypervisor = new QemuHypervisor({
      layout,
      operations: createQemuOperations(layout),
      monitorLimits: { greetingTimeout: 200 },
    });
    expect(await hypervisor.observe(vmId, host.signal)).toMatchObject({
      state: "unreachable",
      detail: expect.stringContaining("another client"),
    });
    for (const stranger of strangers) stranger.destroy();
    await host.until(() =>
      hypervisor.observe(vmId, host.signal).then(
        (machine) => machine?.state === "running",
        () => false,
      ),
    );
  });

  it("waits no longer than it is told to for a QEMU that stands still", async () => {
    const { vmId } = await host.boot();
    // A stopped process accepts what it is asked, and does not answer.
    const { pid } = (await observed(vmId))!;
    process.kill(pid, "SIGSTOP");
    const aborted = AbortSignal.timeout(300);
    await expect(host.hypervisor.observe(vmId, aborted)).rejects.toMatchObject({
      name: "TimeoutError",
    });
    process.kill(pid, "SIGCONT");
    expect(await observed(vmId)).toMatchObject({ state: "running" });
    await host.type(vmId, "poweroff -f\n");
    expect(await host.event(vmId, "shutdown")).toMatchObject({ cause: "guest_shutdown" });
  });

  it("says what QEMU said when it ends by itself", async () => {
    const { vmId, pid } = await host.start(host.config());
    process.kill(pid, "SIGTERM");
    const { detail } = await host.event(vmId, "exited");
    expect(detail).toMatch(/exit code 0.*terminating on signal 15/s);
    expect(await observed(vmId)).toMatchObject({ state: "exited", detail });
  });
});

const intent = JSON.stringify({
  bootId: randomUUID(),
  accelerator: "tcg",
  pid: 0,
  startTime: 0,
  startedAt: Date.now(),
  hostBoot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
});
