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

it("says that the end of a QEMU could not be recorded, and goes on", async () => {
  const program = join(layout.runDir, "qemu");
  writeFileSync(program, "#!/bin/sh\nuntil [ -e go ]; do sleep 0.01; done\n");
  chmodSync(program, 0o755);
  const warnings: string[] = [];
  const log = { warn: (_: unknown, message: string) => void warnings.push(message) };
  const operations = createQemuOperations(layout, { program, log });
  await operations.startQemu(machine, signal);
  // Nothing can be read or written there.
  const record = paths.qemuProcess(layout, id);
  rmSync(record);
  mkdirSync(record);
  writeFileSync(join(paths.vm(layout, id), "go"), "");
  await expect.poll(() => warnings).toEqual(["the end of a QEMU is not recorded"]);
});
