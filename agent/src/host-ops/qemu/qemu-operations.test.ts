import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { paths, type Layout } from "../../lib/layout.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { createQemuOperations } from "./qemu-operations.ts";

const id = "11111111-1111-4111-8111-111111111111";
const machine: MachineConfig = {
  vmId: id,
  name: "web-1",
  bootId: id,
  cpus: 1,
  memoryBytes: 2 ** 27,
  machineType: "pc-q35-7.2",
  accelerator: "tcg",
  firmware: "bios",
  disks: [],
  nics: [],
};
const signal = new AbortController().signal;

let layout: Layout;
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-operations-"));
  layout = { stateDir: directory, runDir: directory };
});
afterEach(() => rmSync(layout.runDir, { recursive: true, maxRetries: 20, retryDelay: 20 }));

/** A program in QEMU's place that runs until it is told to go, or removed. */
function standIn(): string {
  const program = join(layout.runDir, "qemu");
  writeFileSync(program, '#!/bin/sh\nuntil [ -e go ] || ! [ -e "$0" ]; do sleep 0.01; done\n');
  chmodSync(program, 0o755);
  return program;
}

it("says that the end of a QEMU could not be recorded, and goes on", async () => {
  const warnings: string[] = [];
  const log = { warn: (_: unknown, message: string) => void warnings.push(message) };
  const operations = createQemuOperations(layout, { program: standIn(), log });
  await operations.startQemu(machine, signal);
  // Nothing can be read or written there.
  const record = paths.qemuProcess(layout, id);
  rmSync(record);
  mkdirSync(record);
  writeFileSync(join(paths.vm(layout, id), "go"), "");
  await expect.poll(() => warnings).toEqual(["the end of a QEMU is not recorded"]);
});

it("finds a QEMU, and its like, also where there is no room to record it", async () => {
  const operations = createQemuOperations(layout, { program: standIn() });
  const { pid } = await operations.startQemu(machine, signal);
  const record = paths.qemuProcess(layout, id);
  rmSync(record);
  mkdirSync(`${record}.new`);
  expect(await operations.listQemu()).toMatchObject([{ vmId: id, pid, alive: true }]);
  expect(await operations.startQemu(machine, signal)).toMatchObject({ pid });
  await operations.stopQemu(id, signal);
  expect(await operations.listQemu()).toEqual([]);
});

it("makes room for another boot where an earlier one has ended unheard", async () => {
  const operations = createQemuOperations(layout, { program: standIn() });
  const { pid } = await operations.startQemu(machine, signal);
  process.kill(pid, "SIGKILL");
  await expect.poll(() => operations.listQemu()).toMatchObject([{ alive: false }]);
  writeFileSync(paths.consoleLog(layout, id), "from the earlier boot");
  const second = await operations.startQemu(machine, signal);
  expect(second.pid).not.toBe(pid);
  expect(await operations.listKept()).toEqual([]);
  await operations.stopQemu(id, signal);
});

it("keeps of the boots before none where an agent died before it had removed them", async () => {
  const operations = createQemuOperations(layout, { program: standIn() });
  await operations.startQemu(machine, signal);
  mkdirSync(paths.ended(layout, id), { recursive: true });
  writeFileSync(join(paths.ended(layout, id), "console.log"), "from the boot before");
  await operations.stopQemu(id, signal);
  expect(await operations.listKept()).toEqual([]);
});
