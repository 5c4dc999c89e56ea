import { readdirSync, readFileSync } from "node:fs";
import type { QemuProcess } from "../../lib/host-operations.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { isAlive } from "../../lib/process.ts";
import { readJson, writeJson } from "../record.ts";
import { findQemu } from "./find.ts";

/**
 * What is kept of a QEMU. It is written once before the process exists, with 0 as its pid, and again when the pid is known. An
 * agent that dies in between leaves the first, and the process is then found by its arguments. That
 * nobody starts another one meanwhile is due to the locks of which an agent is the only one of its host and its state.
 */
interface QemuRecord extends Omit<QemuProcess, "vmId" | "alive"> {
  /** Which boot of the host it is from: in another one, pid and start time may be those of anything. */
  readonly hostBoot: string;
}

const hostBoot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** Says that a QEMU is about to be started. */
export function recordIntent(layout: Layout, { vmId, bootId, accelerator }: MachineConfig): void {
  const startedAt = Date.now();
  write(layout, vmId, { bootId, accelerator, pid: 0, startTime: 0, startedAt, hostBoot });
}

/** Says which process it became. */
export function recordProcess(layout: Layout, { vmId, alive, ...record }: QemuProcess): void {
  void alive;
  write(layout, vmId, { ...record, hostBoot });
}

/** Says how the process ended, unless another one has its place meanwhile, or nothing of it is there. */
export function recordExit(
  layout: Layout,
  { vmId, pid }: QemuProcess,
  exit: NonNullable<QemuProcess["exit"]>,
): void {
  const record = readRecord(layout, vmId);
  if (record?.pid === pid) write(layout, vmId, { ...record, exit });
}

/** The VM's QEMU, running or ended; undefined where nothing of one is there. */
export function inspectQemu(layout: Layout, vmId: string): QemuProcess | undefined {
  const record = readRecord(layout, vmId);
  if (record && record.pid !== 0) return describe(vmId, record);
  const found = findQemu(layout, vmId);
  if (found) {
    const { startedAt = Date.now() } = record ?? {};
    const process: QemuProcess = { vmId, ...found, startedAt, alive: true };
    try {
      recordProcess(layout, process);
    } catch {
      // Without room for its record it is found anew at the next look, and no VM's is kept from others.
    }
    return process;
  }
  if (!record && !listDirectories(layout).includes(vmId)) return undefined;
  const nothing = { bootId: "", accelerator: "tcg", pid: 0, startTime: 0, startedAt: 0 } as const;
  return describe(vmId, record ?? { ...nothing, hostBoot });
}

function describe(vmId: string, { hostBoot: of, ...record }: QemuRecord): QemuProcess {
  return { vmId, ...record, alive: record.pid !== 0 && of === hostBoot && isAlive(record) };
}

/** The VMs of which there is a QEMU, running or ended. */
export function listDirectories(layout: Layout): readonly string[] {
  try {
    return readdirSync(paths.vms(layout)).filter((name) => /^[0-9a-f-]{36}$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function write(layout: Layout, vmId: string, record: QemuRecord): void {
  writeJson(paths.qemuProcess(layout, vmId), record);
}

/** A record that is no JSON is as good as none: the process is found without it. */
function readRecord(layout: Layout, vmId: string): QemuRecord | undefined {
  try {
    return readJson<QemuRecord>(paths.qemuProcess(layout, vmId));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
