/** One executable for one platform, as it is published. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "@lodge/schemas/version.ts";
import { root } from "../build/bundle.ts";
import type { Executable } from "../build/executable.ts";
import { provider } from "../build/executables.ts";
import { selfContained } from "./executable.ts";
import { architectures, type Architecture } from "./node.ts";
import { notices } from "./notices.ts";
import { zip, type ZipEntry } from "./zip.ts";

/** An archive that lies in a directory. */
export interface Archive {
  /** As Terraform names it: `linux_amd64`. */
  readonly platform: string;
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly entries: readonly ZipEntry[];
}

/** What the executable is called inside; Terraform looks for the version in a provider's name. */
export function executableName({ executable }: Executable): string {
  return executable === provider.executable ? `${executable}_v${version}` : executable;
}

/** Writes the archive into `directory`: the executable, our licence, and those of all that is in it. */
export async function pack(
  item: Executable,
  architecture: Architecture,
  directory: string,
  progress: (text: string) => void,
): Promise<Archive> {
  const { image, metafile } = await selfContained(item, architecture, progress);
  const entries: ZipEntry[] = [
    { name: "LICENSE", data: await readFile(join(root, "LICENSE")) },
    { name: "THIRD-PARTY-NOTICES", data: Buffer.from(notices(metafile)) },
    { name: executableName(item), data: image, executable: true },
  ];
  const platform = `linux_${architectures[architecture]}`;
  const path = join(directory, `${item.executable}_${version}_${platform}.zip`);
  const archive = await zip(entries);
  await writeFile(path, archive);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  return { platform, path, sha256, bytes: archive.length, entries };
}
