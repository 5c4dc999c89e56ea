/** From sources to a start-up snapshot: the state of a Node that has loaded a program, which a process starts from. */
import { build, type Metafile, type OutputFile, type Plugin } from "esbuild";
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { removeOld, root, withoutProtoLoader, type Bundle } from "./bundle.ts";
import { lateBuiltins } from "./late-builtins.ts";
import { pinnedNode } from "./launcher.ts";

/** @returns the path of the snapshot of a bundle below `directory`. */
export function snapshotPath({ name }: Bundle, directory: string): string {
  return join(directory, name, "snapshot.blob");
}

/** Builds the snapshot, and tells what went in. */
export async function snapshot(item: Bundle, directory: string): Promise<Metafile> {
  const { script, metafile } = await bundleScript(item.entry);
  const path = snapshotPath(item, directory);
  mkdirSync(join(directory, item.name), { recursive: true });
  const [source, config, blob] = ["js", "json", "blob"].map(
    (kind) => `${path}.${process.pid}.${kind}`,
  ) as [string, string, string];
  try {
    writeFileSync(source, script);
    // Compiled code of Node itself would tie the snapshot to the kind of processor that it was built on.
    writeFileSync(config, JSON.stringify({ builder: source, withoutCodeCache: true }));
    // The environment of whoever builds must not become that of whoever runs.
    execFileSync(pinnedNode(), ["--snapshot-blob", blob, "--build-snapshot-config", config], {
      env: {},
      stdio: ["ignore", "inherit", "inherit"],
    });
    renameSync(blob, path);
    removeOld(join(directory, item.name), new Set([basename(path)]));
  } finally {
    for (const file of [source, config, blob]) rmSync(file, { force: true });
  }
  return metafile;
}

/**
 * Twice through esbuild: a snapshot is built from one CommonJS script, but what nobody uses is only left out of
 * modules that are split where they are loaded on demand.
 */
async function bundleScript(entry: string): Promise<{ script: Uint8Array; metafile: Metafile }> {
  const common = {
    absWorkingDir: root,
    outdir: join(root, "dist"),
    write: false,
    bundle: true,
    platform: "node",
    target: "node24",
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "warning",
  } as const;
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: { main: entry },
    format: "esm",
    splitting: true,
    plugins: [withoutProtoLoader, lateBuiltins],
    metafile: true,
  });
  const whole = await build({
    ...common,
    entryPoints: { main: "./main.js" },
    format: "cjs",
    plugins: [fromMemory(outputFiles)],
  });
  return { script: whole.outputFiles[0]!.contents, metafile };
}

/** Resolves modules to those that were built a moment ago. */
function fromMemory(files: readonly OutputFile[]): Plugin {
  const contents = new Map(files.map((file) => [basename(file.path), file.contents]));
  return {
    name: "from-memory",
    setup(hooks) {
      hooks.onResolve({ filter: /^\.\// }, ({ path }) => ({
        path: basename(path),
        namespace: "memory",
      }));
      hooks.onLoad({ filter: /.*/, namespace: "memory" }, ({ path }) => ({
        contents: contents.get(path)!,
        loader: "js",
      }));
    },
  };
}
