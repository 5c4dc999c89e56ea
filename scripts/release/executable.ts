/** One file that needs nothing but Linux and its C library: Node with a program in it. */
import type { Metafile } from "esbuild";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executable } from "../build/executable.ts";
import { bundleScript } from "../build/script.ts";
import { snapshot, snapshotPath } from "../build/snapshot.ts";
import { embedProgram } from "./elf.ts";
import { nodeFor, type Architecture } from "./node.ts";
import { seaBlob, type Program } from "./sea-blob.ts";

/** An executable, and what went into its program. */
export interface SelfContained {
  readonly image: Buffer;
  readonly metafile: Metafile;
}

/**
 * Makes it for an architecture. Snapshots and compiled code are made by the processor that will run them, so another
 * architecture's executable does the same, and takes longer to start. Throws where its Node cannot be had.
 */
export async function selfContained(
  item: Executable,
  architecture: Architecture,
  progress: (text: string) => void,
): Promise<SelfContained> {
  const node = await readFile(await nodeFor(architecture, progress));
  const native = architecture === process.arch;
  const { metafile, ...program } =
    native && item.snapshot ? await fromSnapshot(item) : await fromScript(item);
  const { executable, nodeFlags = [] } = item;
  const blob = seaBlob({ name: `${executable}.js`, nodeFlags, compiled: native, ...program });
  return { image: embedProgram(node, blob), metafile };
}

type Main = Pick<Program, "kind" | "main"> & { readonly metafile: Metafile };

async function fromScript({ entry }: Executable): Promise<Main> {
  const { text, metafile } = await bundleScript(entry, []);
  return { kind: "script", main: text, metafile };
}

async function fromSnapshot(item: Executable): Promise<Main & { readonly compiled: false }> {
  const directory = await mkdtemp(join(tmpdir(), "lodge-snapshot-"));
  try {
    const metafile = await snapshot(item, directory);
    const main = await readFile(snapshotPath(item, directory));
    return { kind: "snapshot", main, metafile, compiled: false };
  } finally {
    await rm(directory, { recursive: true });
  }
}
