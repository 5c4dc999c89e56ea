import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { paths, type Layout } from "../../lib/layout.ts";

const tailBytes = 16 * 1024;

/** The end of a VM's log of QEMU: what QEMU said last, without its traces. Empty where there is none. */
export async function readLogTail(layout: Layout, vmId: string): Promise<string> {
  const lines = (await readEnd(paths.qemuLog(layout, vmId))).split("\n");
  return lines
    .filter((line) => line.trim() !== "" && !line.startsWith(tracePrefix))
    .slice(-8)
    .join("\n")
    .slice(-1024);
}

/**
 * The same of a QEMU that has ended, once no more comes: its words pass through a pipe, and so may come a moment later.
 * @param patience for how long something is waited for, in milliseconds
 */
export async function readLastWords(
  layout: Layout,
  vmId: string,
  patience: number,
): Promise<string> {
  const begin = performance.now();
  for (let before = ""; ;) {
    const words = await readLogTail(layout, vmId);
    const isAll = words !== "" && words === before;
    if (isAll || performance.now() - begin > patience) return words;
    before = words;
    await sleep(20);
  }
}

/** Milliseconds between the looks at the log: what QEMU said comes to it through a pipe. */
const waits = [0, 10, 20, 40, 80, 160];

/** Whether QEMU's log says that the guest of this process powered itself off. Takes a moment where it does not. */
export async function saysShutdown(layout: Layout, vmId: string): Promise<boolean> {
  for (const wait of waits) {
    await sleep(wait);
    // In this order: what is moved aside in between is seen twice and not missed.
    for (const path of [paths.qemuLog(layout, vmId), paths.qemuOld(layout, vmId)]) {
      if ((await readEnd(path)).includes(`${tracePrefix} reason=${guestShutdown}`)) return true;
    }
  }
  return false;
}

/** The trace that QEMU is started with, and the number of `guest-shutdown` among its `ShutdownCause`s. */
const tracePrefix = "qemu_system_shutdown_request";
const guestShutdown = 6;

async function readEnd(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
