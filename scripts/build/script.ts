/** From sources to one script, for what is kept inside something else: a start-up snapshot, or an executable. */
import { build, type Metafile, type OutputFile, type Plugin } from "esbuild";
import { basename, join } from "node:path";
import { root, withoutProtoLoader } from "./bundle.ts";

/** One CommonJS script, and what went into it. */
export interface Script {
  readonly text: Uint8Array;
  readonly metafile: Metafile;
}

/**
 * Twice through esbuild: the result is one CommonJS script, but what nobody uses is only left out of modules that are
 * split where they are loaded on demand.
 */
export async function bundleScript(entry: string, plugins: readonly Plugin[]): Promise<Script> {
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
    plugins: [withoutProtoLoader, ...plugins],
    metafile: true,
  });
  const whole = await build({
    ...common,
    entryPoints: { main: "./main.js" },
    format: "cjs",
    plugins: [fromMemory(outputFiles)],
  });
  return { text: whole.outputFiles[0]!.contents, metafile };
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
