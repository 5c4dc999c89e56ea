/** The provider as a mirror: Terraform and OpenTofu install from it, as a directory or behind a web server. */
import { createHash } from "node:crypto";
import { link, mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Archive } from "./archive.ts";
import type { ZipEntry } from "./zip.ts";

/** Whoever writes `source = "lodge/lodge"` means the registry of the program that they run. */
const registries = ["registry.terraform.io", "registry.opentofu.org"];

/**
 * Writes below `directory` what `filesystem_mirror` and `network_mirror` want: the same files for both, on the file system
 * of the archives, which are linked.
 */
export async function writeMirror(
  directory: string,
  version: string,
  archives: readonly Archive[],
): Promise<void> {
  for (const registry of registries) {
    const place = join(directory, registry, "lodge", "lodge");
    await mkdir(place, { recursive: true });
    for (const { path } of archives) await link(path, join(place, basename(path)));
    const listed = archives.map(({ platform, path, sha256, entries }) => [
      platform,
      { url: basename(path), hashes: [directoryHash(entries), `zh:${sha256}`] },
    ]);
    await writeJson(join(place, "index.json"), { versions: { [version]: {} } });
    await writeJson(join(place, `${version}.json`), { archives: Object.fromEntries(listed) });
  }
}

/** The hash of lock files (`h1:`): of the files, however they were packed. */
function directoryHash(entries: readonly ZipEntry[]): string {
  const lines = entries
    .map(({ name, data }) => `${createHash("sha256").update(data).digest("hex")}  ${name}\n`)
    .toSorted((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1));
  return `h1:${createHash("sha256").update(lines.join("")).digest("base64")}`;
}

/** Writes JSON as people read it. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
