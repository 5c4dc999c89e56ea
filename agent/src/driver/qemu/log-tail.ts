import { open } from "node:fs/promises";
import { paths, type Layout } from "../../lib/layout.ts";

const tailBytes = 16 * 1024;

/** The end of a VM's log of QEMU: what QEMU said last, without its traces. Empty where there is none. */
export async function readLogTail(layout: Layout, vmId: string): Promise<string> {
  const lines = (await readEnd(layout, vmId)).split("\n");
  return lines
    .filter((line) => line.trim() !== "" && !line.startsWith(tracePrefix))
    .slice(-8)
    .join("\n")
    .slice(-1024);
}

/** Whether QEMU's log says that the guest powered itself off. */
export async function saysShutdown(layout: Layout, vmId: string): Promise<boolean> {
  return (await readEnd(layout, vmId)).includes(`${tracePrefix} reason=${guestShutdown}`);
}

/** The trace that QEMU is started with, and the number of `guest-shutdown` among its `ShutdownCause`s. */
const tracePrefix = "qemu_system_shutdown_request";
const guestShutdown = 6;

async function readEnd(layout: Layout, vmId: string): Promise<string> {
  try {
    await using file = await open(paths.qemuLog(layout, vmId));
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, tailBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
