import type { Metafile } from "esbuild";
import { join } from "node:path";
import { bundle, type Bundle } from "./bundle.ts";
import { writeLauncher } from "./launcher.ts";
import { snapshot, snapshotPath } from "./snapshot.ts";

/** A program that is built into `dist/`. */
export interface Executable extends Bundle {
  /** File below `dist/`. */
  readonly executable: string;
  readonly nodeFlags?: readonly string[];
  /** Starts from a snapshot of its state, which its entry makes; otherwise it loads its modules when it starts. */
  readonly snapshot?: true;
}

/** Builds an executable below `directory`, and tells what went in. May run in several processes at once. */
export async function buildExecutable(item: Executable, directory: string): Promise<Metafile> {
  const { name, executable, nodeFlags = [] } = item;
  const path = join(directory, executable);
  if (item.snapshot) {
    const metafile = await snapshot(item, directory);
    // What follows the dashes is ours, not Node's.
    writeLauncher(path, [...nodeFlags, "--snapshot-blob", snapshotPath(item, directory), "--"]);
    return metafile;
  }
  const metafile = await bundle(item, directory);
  const cache = join(directory, name, ".compile-cache");
  writeLauncher(path, [...nodeFlags, join(directory, name, "main.js")], cache);
  return metafile;
}
