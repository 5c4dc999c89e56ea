import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MachineEvent } from "../../core/port/hypervisor.ts";
import type { QemuProcess } from "../../lib/host-operations.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { identify } from "../../lib/process.ts";
import { FakeQmpServer } from "./qmp-server.fake.ts";
import { Session } from "./session.ts";

const vmId = "11111111-1111-4111-8111-111111111111";
const bootId = "22222222-2222-4222-8222-222222222222";
const signal = new AbortController().signal;

describe("a session with a QEMU", () => {
  let layout: Layout;
  let server: FakeQmpServer;
  let child: ChildProcess;
  let session: Session;
  let events: MachineEvent[];
  let warnings: string[];
  let exit: () => Promise<QemuProcess["exit"]>;
  let status: string;
  let uuid: string;
  const devices = [
    { "io-status": "ok", inserted: { "node-name": "disk-root" } },
    { "io-status": "nospace", inserted: { "node-name": "disk-data" } },
    { inserted: { "node-name": "firmware" } },
  ];
  beforeEach(async () => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-session-"));
    layout = { stateDir: directory, runDir: directory };
    mkdirSync(paths.vm(layout, vmId), { recursive: true });
    events = [];
    warnings = [];
    exit = async () => ({ code: null, signal: child.signalCode });
    status = "running";
    uuid = vmId;
    server = await listen();
    child = spawn("sleep", ["1000"], { stdio: "ignore" });
    await once(child, "spawn");
    session = open();
  });
  afterEach(async () => {
    session[Symbol.dispose]();
    server[Symbol.dispose]();
    child.kill("SIGKILL");
    rmSync(layout.runDir, { recursive: true });
  });

  async function listen(): Promise<FakeQmpServer> {
    const path = paths.qmp(layout, vmId);
    rmSync(path, { force: true });
    const made = await FakeQmpServer.listen(path);
    made.answer = ({ execute }) => {
      if (execute === "query-status") return { return: { status, running: status === "running" } };
      if (execute === "query-block") return { return: devices };
      return { return: execute === "query-uuid" ? { UUID: uuid } : {} };
    };
    return made;
  }
  function open(): Session {
    const { pid, startTime } = identify(child.pid!)!;
    const process = { vmId, bootId, pid, startTime, startedAt: 5, alive: true } as const;
    return new Session({
      layout,
      process: { ...process, accelerator: "tcg" },
      emit: (event) => events.push(event),
      exit: () => exit(),
      limits: { greetingTimeout: 2_000 },
      log: { warn: (_, message) => void warnings.push(message) },
    });
  }
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it("says what the guest does", async () => {
    const { pid } = session.process;
    const machine = { vmId, bootId, pid, startedAt: 5, accelerator: "tcg" };
    expect(await session.observe(signal)).toEqual({ ...machine, state: "running" });
    status = "paused";
    expect(await session.observe(signal)).toEqual({ ...machine, state: "paused" });
    status = "io-error";
    expect(await session.observe(signal)).toEqual({
      ...machine,
      state: "paused",
      diskError: "disk data: the host's file system is full",
    });
    expect(server.asked.filter(({ execute }) => execute === "query-uuid")).toHaveLength(1);
  });

  it("has nothing to do with the monitor of another guest", async () => {
    uuid = "99999999-9999-4999-8999-999999999999";
    await expect(session.observe(signal)).rejects.toMatchObject({
      reason: "MONITOR_FAILED",
      message: expect.stringContaining(uuid),
    });
  });

  it("connects again by itself, and then tells what it has missed", async () => {
    await session.observe(signal);
    server[Symbol.dispose]();
    status = "shutdown";
    writeFileSync(paths.qemuLog(layout, vmId), "qemu_system_shutdown_request reason=6\n");
    server = await listen();
    await until(() => events.length > 1);
    expect(events).toEqual([
      { type: "shutdown", vmId, cause: "guest_shutdown" },
      { type: "reconnected", vmId, detail: "" },
    ]);
    expect(await session.observe(signal)).toMatchObject({ state: "shutdown" });
    expect(events).toHaveLength(2);
  });

  it("says that it is connected again, so that a pause in between is looked for", async () => {
    await session.observe(signal);
    server[Symbol.dispose]();
    await expect(session.observe(signal)).rejects.toMatchObject({ reason: "MONITOR_FAILED" });
    expect(events).toEqual([]);
    server = await listen();
    await until(() => events.length > 0);
    expect(events).toEqual([{ type: "reconnected", vmId, detail: "" }]);
  });

  it("is given up with its guest, and says for what other reason one stands still", async () => {
    status = "internal-error";
    expect(await session.observe(signal)).toMatchObject({
      state: "exited",
      detail: "QEMU gave its guest up (internal-error)",
    });
    status = "suspended";
    expect(await session.observe(signal)).toMatchObject({ state: "paused", detail: "suspended" });
  });

  it("tells of the end of the process also where how it ended cannot be read", async () => {
    await session.observe(signal);
    exit = () => Promise.reject(new Error("EMFILE: too many open files"));
    child.kill("SIGKILL");
    server[Symbol.dispose]();
    await until(() => events.length > 0);
    expect(events).toEqual([{ type: "exited", vmId, detail: "QEMU ended" }]);
    expect(warnings).toEqual(["what a QEMU said last cannot be read"]);
  });

  it("tells a reboot from a shutdown, and a panic from both, by what QEMU noted", async () => {
    status = "shutdown";
    expect(await session.observe(signal)).toMatchObject({ cause: "guest_reset" });
    session[Symbol.dispose]();
    session = open();
    status = "guest-panicked";
    expect(await session.observe(signal)).toMatchObject({ cause: "guest_panic" });
  });

  it("finds a shutdown that is noted a moment later, or was moved aside with the old log", async () => {
    status = "shutdown";
    const trace = "qemu_system_shutdown_request reason=6\n";
    // By then it has been looked for in vain.
    setTimeout(() => writeFileSync(paths.qemuLog(layout, vmId), trace), 60);
    expect(await session.observe(signal)).toMatchObject({ cause: "guest_shutdown" });
    session[Symbol.dispose]();
    session = open();
    writeFileSync(paths.qemuLog(layout, vmId), "qemu: warning\n");
    writeFileSync(paths.qemuOld(layout, vmId), trace);
    expect(await session.observe(signal)).toMatchObject({ cause: "guest_shutdown" });
  });

  it("tells of the end of the process, once, with QEMU's last words", async () => {
    await session.observe(signal);
    writeFileSync(
      paths.qemuLog(layout, vmId),
      "qemu_system_shutdown_request reason=6\nqemu: hardware error: bad\n",
    );
    child.kill("SIGSEGV");
    server[Symbol.dispose]();
    await until(() => events.length > 0);
    const detail = "QEMU was ended by SIGSEGV: qemu: hardware error: bad";
    expect(events).toEqual([{ type: "exited", vmId, detail }]);
    await expect(session.observe(signal)).rejects.toMatchObject({ reason: "MONITOR_FAILED" });
    expect(events).toHaveLength(1);
  });

  it("waits a moment for the last words of a QEMU that was not killed, and for all of them", async () => {
    await session.observe(signal);
    const log = paths.qemuLog(layout, vmId);
    server[Symbol.dispose]();
    child.kill("SIGABRT");
    await once(child, "exit");
    setTimeout(() => {
      writeFileSync(log, "qemu: first\n");
      setTimeout(() => writeFileSync(log, "qemu: first\nqemu: last\n"), 5);
    }, 60);
    await until(() => events.length > 0);
    const detail = "QEMU was ended by SIGABRT: qemu: first\nqemu: last";
    expect(events).toEqual([{ type: "exited", vmId, detail }]);
  });

  it("tells nothing once it is over", async () => {
    await session.observe(signal);
    session[Symbol.dispose]();
    child.kill("SIGKILL");
    await once(child, "exit");
    server.disconnect();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(events).toEqual([]);
  });

  it("waits for the monitor of a process that begins, and no longer than it lives", async () => {
    server[Symbol.dispose]();
    rmSync(paths.qmp(layout, vmId), { force: true });
    const greeted = session.greeting(60_000, signal);
    server = await listen();
    await greeted;
    session[Symbol.dispose]();
    server[Symbol.dispose]();
    session = open();
    const failed = session.greeting(60_000, signal);
    failed.catch(() => undefined);
    child.kill("SIGKILL");
    await expect(failed).rejects.toMatchObject({ reason: "MONITOR_FAILED" });
    expect(events).toEqual([]);
  });

  it("stops waiting for a monitor when its caller does, or when it takes too long", async () => {
    server[Symbol.dispose]();
    await expect(session.greeting(1, signal)).rejects.toMatchObject({ reason: "MONITOR_FAILED" });
    const abort = new AbortController();
    const greeting = session.greeting(60_000, abort.signal);
    abort.abort(new Error("enough"));
    await expect(greeting).rejects.toThrow("enough");
  });
});
