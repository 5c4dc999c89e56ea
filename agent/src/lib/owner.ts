/** Root runs an agent for a user who may not: what the user is to use, and what is left, is the user's. */
import { lchown, open, stat } from "node:fs/promises";
import { exec } from "./exec.ts";

/** Whose a directory is. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Whose a directory is, where that is somebody else than who runs this. */
export async function otherOwner(directory: string): Promise<Owner | undefined> {
  const { uid, gid } = await stat(directory);
  return uid === process.getuid?.() ? undefined : { uid, gid };
}

/** Gives a file that was made in a directory to the directory's owner. */
export async function leaveToOwner(path: string, directory: string): Promise<void> {
  const owner = await otherOwner(directory);
  if (owner) await lchown(path, owner.uid, owner.gid);
}

/** The same for files that may not be there yet: those are made, empty, before anybody else makes them. */
export async function makeForOwner(path: string, directory: string): Promise<void> {
  await using _file = await open(path, "a", 0o600);
  await leaveToOwner(path, directory);
}

/** Gives directories with all that is in them to somebody, following no links. */
export async function giveAll(paths: readonly string[], { uid, gid }: Owner): Promise<void> {
  const owner = `${uid}:${gid}`;
  await exec("chown", ["--recursive", "-P", "--no-dereference", "--", owner, ...paths], {
    timeout: 10 * 60_000,
  });
}
