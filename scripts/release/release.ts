/** Everything that is published of a version, in one directory. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "@lodge/schemas/version.ts";
import { root } from "../build/bundle.ts";
import type { Executable } from "../build/executable.ts";
import { lodge, provider } from "../build/executables.ts";
import { selfContained } from "./executable.ts";
import { writeJson, writeMirror, type MirroredArchive } from "./mirror.ts";
import { architectures, type Architecture } from "./node.ts";
import { notices } from "./notices.ts";
import { zip, type ZipEntry } from "./zip.ts";

export interface ReleaseOptions {
  /** Emptied first. */
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
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const providers: MirroredArchive[] = [];
  const programs: MirroredArchive[] = [];
  for (const architecture of options.architectures) {
    // Terraform looks for the version in the name.
    const name = `${provider.executable}_v${version}`;
    providers.push(await archive(provider, name, architecture, options));
    programs.push(await archive(lodge, lodge.executable, architecture, options));
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

const fileName = ({ path }: MirroredArchive) => path.slice(path.lastIndexOf("/") + 1);

async function archive(
  item: Executable,
  name: string,
  architecture: Architecture,
  { directory, progress }: ReleaseOptions,
): Promise<MirroredArchive> {
  const { image, metafile } = await selfContained(item, architecture, progress);
  const entries: ZipEntry[] = [
    { name: "LICENSE", data: await readFile(join(root, "LICENSE")) },
    { name: "THIRD-PARTY-NOTICES", data: Buffer.from(notices(metafile)) },
    { name, data: image, executable: true },
  ];
  const platform = `linux_${architectures[architecture]}`;
  const path = join(directory, `${item.executable}_${version}_${platform}.zip`);
  const bytes = await zip(entries);
  await writeFile(path, bytes);
  progress(`${path}: ${(bytes.length / 1e6).toFixed(1)} MB`);
  return { platform, path, entries, sha256: sha256(bytes) };
}

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
