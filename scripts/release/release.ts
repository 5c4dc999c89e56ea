/** Everything that is published of a version, in one directory. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { version } from "@lodge/schemas/version.ts";
import type { Executable } from "../build/executable.ts";
import { lodge, provider } from "../build/executables.ts";
import { pack, type Archive } from "./archive.ts";
import { writeJson, writeMirror } from "./mirror.ts";
import type { Architecture } from "./node.ts";

export interface ReleaseOptions {
  /** What earlier releases have left there is removed first. */
  readonly directory: string;
  readonly architectures: readonly Architecture[];
  readonly progress: (text: string) => void;
}

/**
 * Makes archives of the provider and of `lodge` for each architecture, their checksums, the provider's manifest for
 * registries, and a mirror.
 */
export async function release(options: ReleaseOptions): Promise<void> {
  const { directory, progress } = options;
  await mkdir(directory, { recursive: true });
  for (const name of (await readdir(directory)).filter(isOurs))
    await rm(join(directory, name), { recursive: true });
  const providers: Archive[] = [];
  const programs: Archive[] = [];
  for (const architecture of options.architectures) {
    for (const [item, archives] of [
      [provider, providers],
      [lodge, programs],
    ] as const) {
      const archive = await pack(item, architecture, directory, progress);
      progress(`${archive.path}: ${(archive.bytes / 1e6).toFixed(1)} MB`);
      archives.push(archive);
    }
  }
  const manifest = `${provider.executable}_${version}_manifest.json`;
  await writeJson(join(directory, manifest), {
    version: 1,
    metadata: { protocol_versions: ["6.0"] },
  });
  await writeSums(provider, directory, [...providers.map(fileName), manifest]);
  await writeSums(lodge, directory, programs.map(fileName));
  await writeMirror(join(directory, "mirror"), version, providers);
  progress(`checksums, manifest and mirror are in ${directory}`);
}

const fileName = ({ path }: Archive) => basename(path);

const isOurs = (name: string) =>
  name === "mirror" || [lodge, provider].some((item) => name.startsWith(`${item.executable}_`));

/** In the form that `sha256sum --check` reads. */
async function writeSums(
  { executable }: Executable,
  directory: string,
  names: readonly string[],
): Promise<void> {
  const lines = await Promise.all(
    names.map(async (name) => `${sha256(await readFile(join(directory, name)))}  ${name}\n`),
  );
  await writeFile(join(directory, `${executable}_${version}_SHA256SUMS`), lines.join(""));
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
