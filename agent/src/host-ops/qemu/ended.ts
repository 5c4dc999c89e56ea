/** What is kept of a guest that has ended: what it printed, for those who ask why it ended. */
import { mkdirSync, renameSync, statSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { consoleFiles, paths, type Layout } from "../../lib/layout.ts";
import { removeDirectory } from "../remove-directory.ts";

const kept: readonly string[] = Object.values(consoleFiles);

/**
 * Puts what a guest printed where it stays until the VM's next boot. Its whole directory moves: what still waits in the
 * pipe is written where the programs that keep it stand. A guest that printed nothing leaves nothing.
 */
export async function keepEnded(layout: Layout, vmId: string): Promise<void> {
  const from = paths.vm(layout, vmId);
  if (!kept.some((name) => hasContent(join(from, name)))) return;
  const to = paths.ended(layout, vmId);
  await deleteEnded(layout, vmId);
  await mkdir(paths.allEnded(layout), { recursive: true, mode: 0o700 });
  await rename(from, to);
  const rest = (await readdir(to)).filter((name) => !kept.includes(name));
  await Promise.all(rest.map((name) => rm(join(to, name), { recursive: true, force: true })));
}

/** Makes room for another boot where an earlier one has ended and nobody has said so: at once, and whatever is in there. */
export function setAside(layout: Layout, vmId: string): void {
  mkdirSync(paths.allEnded(layout), { recursive: true, mode: 0o700 });
  renameSync(paths.vm(layout, vmId), paths.ended(layout, vmId));
}

function hasContent(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Nothing there is success. */
export async function deleteEnded(layout: Layout, vmId: string): Promise<void> {
  await removeDirectory(paths.ended(layout, vmId));
}

/** The VMs of whose last guest something is kept. */
export async function listEnded(layout: Layout): Promise<readonly string[]> {
  return readdir(paths.allEnded(layout)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}
