/**
 * Where the files are that guests run on. An agent that root runs for a user starts QEMU as a root without any right,
 * who may not even pass through the user's directories. So while it runs, images, disks and firmware are root's, and
 * are reached by a path that leads through nobody else's directories; when its host ends, they are the user's again.
 */
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { exec } from "../../lib/exec.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { giveAll, makeForOwner, otherOwner, type Owner } from "../../lib/owner.ts";

/** The directories whose files QEMU opens. */
const opened = [paths.images, paths.disks, paths.firmware];

/** The layout of an agent whose state is in `directory`; to be called inside the agent's host, again at every start. */
export async function stateLayout(directory: string, runDir: string): Promise<Layout> {
  const durable = { stateDir: directory, runDir };
  await makeForOwner(paths.store(durable), directory);
  if (!(await otherOwner(directory))) return durable;
  const reached = { stateDir: join(runDir, "state"), runDir };
  for (const place of opened) await bind(place(durable), place(reached));
  return reached;
}

/** Leaves everything to the directory's owner, once the host has ended. */
export async function returnToOwner(directory: string): Promise<void> {
  const owner = await otherOwner(directory);
  if (!owner || process.getuid?.() !== 0) return;
  const entries = await readdir(directory);
  if (entries.length > 0) {
    await giveAll(
      entries.map((entry) => join(directory, entry)),
      owner,
    );
  }
}

async function bind(source: string, target: string): Promise<void> {
  const self: Owner = { uid: process.getuid!(), gid: process.getgid!() };
  await mkdir(source, { recursive: true, mode: 0o700 });
  await mkdir(target, { recursive: true, mode: 0o700 });
  const [there, here] = await Promise.all([stat(source), stat(target)]);
  // A former agent of the same host has done it.
  if (there.ino === here.ino && there.dev === here.dev) return;
  await giveAll([source], self);
  await exec("mount", ["--no-canonicalize", "--bind", source, target]);
}
