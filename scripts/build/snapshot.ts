/** From sources to a start-up snapshot: the state of a Node that has loaded a program, which a process starts from. */
import type { Metafile } from "esbuild";
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { removeOld, type Bundle } from "./bundle.ts";
import { lateBuiltins } from "./late-builtins.ts";
import { pinnedNode } from "./launcher.ts";
import { bundleScript } from "./script.ts";

/** @returns the path of the snapshot of a bundle below `directory`. */
export function snapshotPath({ name }: Bundle, directory: string): string {
  return join(directory, name, "snapshot.blob");
}

/** Builds the snapshot, and tells what went in. */
export async function snapshot(item: Bundle, directory: string): Promise<Metafile> {
  const { text, metafile } = await bundleScript(item.entry, [lateBuiltins]);
  const path = snapshotPath(item, directory);
  mkdirSync(join(directory, item.name), { recursive: true });
  const [source, config, blob] = ["js", "json", "blob"].map(
    (kind) => `${path}.${process.pid}.${kind}`,
  ) as [string, string, string];
  try {
    // Stacks show this name instead of a path on the machine that builds.
    writeFileSync(source, Buffer.concat([text, Buffer.from(`\n//# sourceURL=${item.name}.js\n`)]));
    // Compiled code of Node itself would tie the snapshot to the kind of processor that it was built on.
    writeFileSync(config, JSON.stringify({ builder: source, withoutCodeCache: true }));
    // The environment of whoever builds must not become that of whoever runs.
    // Node warns of modules that it has not tried in snapshots; the tests of the executables have.
    const flags = ["--no-warnings", "--snapshot-blob", blob, "--build-snapshot-config", config];
    execFileSync(pinnedNode(), flags, { env: {}, stdio: ["ignore", "inherit", "inherit"] });
    renameSync(blob, path);
    removeOld(join(directory, item.name), new Set([basename(path)]));
  } finally {
    for (const file of [source, config, blob]) rmSync(file, { force: true });
  }
  return metafile;
}
