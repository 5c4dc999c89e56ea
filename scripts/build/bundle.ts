/** From sources to what is run: one directory of modules for each executable, loaded only as far as they are needed. */
import { build, type Metafile, type Plugin } from "esbuild";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");

/** What one executable is made from. */
export interface Bundle {
  /** Directory below `dist/`. */
  readonly name: string;
  /** Source file, relative to the repository. */
  readonly entry: string;
}

const keepOldMs = 60 * 60 * 1000;

/** grpc-js is CommonJS, and requires what Node has built in. */
const requireBanner =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

/**
 * grpc-js loads these two for its own introspection, which is off; without it they would look for .proto files when
 * they run.
 */
export const withoutProtoLoader: Plugin = {
  name: "without-proto-loader",
  setup(hooks) {
    hooks.onResolve({ filter: /^(@grpc\/proto-loader|protobufjs)(\/.*)?$/ }, ({ path }) => ({
      path,
      namespace: "stub",
    }));
    hooks.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of this program`)});`,
      loader: "js",
    }));
  },
};

/** Bundles into a directory of its own below `directory`, and tells what went in. */
export async function bundle({ name, entry }: Bundle, directory: string): Promise<Metafile> {
  const outdir = join(directory, name);
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { main: entry },
    outdir,
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minify: true,
    keepNames: true,
    legalComments: "none",
    chunkNames: "[name]-[hash]",
    banner: { js: requireBanner },
    plugins: [withoutProtoLoader],
    metafile: true,
    logLevel: "warning",
  });
  mkdirSync(outdir, { recursive: true });
  // The entry last: whoever starts in between finds all the modules that it names.
  for (const { path, contents } of outputFiles.toSorted((a, b) => rank(a.path) - rank(b.path))) {
    writeWhole(path, contents);
  }
  removeOld(outdir, new Set(outputFiles.map(({ path }) => basename(path))));
  return metafile;
}

const rank = (path: string) => (basename(path) === "main.js" ? 1 : 0);

function writeWhole(path: string, contents: Uint8Array): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

/** A process that runs may still load a module of the build before, so only old ones go; compiled ones are made anew. */
export function removeOld(directory: string, current: ReadonlySet<string>): void {
  // A process that runs may put something there meanwhile.
  const patience = { maxRetries: 10, retryDelay: 50 };
  rmSync(join(directory, ".compile-cache"), { recursive: true, force: true, ...patience });
  const limit = Date.now() - keepOldMs;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (current.has(name) || !stats?.isFile() || stats.mtimeMs > limit) continue;
    rmSync(path, { force: true });
  }
}
