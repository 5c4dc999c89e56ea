import { execFileSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import type { Member } from "./cpio.ts";

/** What the guest needs of its kernel; what is built into a kernel has no file and is left out. */
const wanted = [
  "virtio_pci",
  "virtio_blk",
  "virtio_net",
  "virtio-rng",
  "button",
  "evdev",
  "pvpanic-pci",
];

export interface Modules {
  /** What goes into the RAM disk: the modules and the index that modprobe reads. */
  readonly members: readonly Member[];
  /** The modules to load, by name, for one call of modprobe. */
  readonly names: readonly string[];
}

/** Picks the few modules that the guest needs, and theirs, out of an unpacked kernel; `root` has `lib/modules/RELEASE`. */
export async function pickModules(root: string, release: string): Promise<Modules> {
  const base = join(root, "lib", "modules", release);
  const files = new Map<string, string>();
  for (const entry of await readdir(base, { recursive: true, withFileTypes: true })) {
    const name = /^(.+)\.ko(?:\.xz|\.zst)?$/.exec(entry.name)?.[1];
    if (name !== undefined) files.set(canonical(name), join(entry.parentPath, entry.name));
  }
  const picked = new Map<string, { readonly data: Buffer; readonly needs: readonly string[] }>();
  const pick = async (name: string): Promise<void> => {
    const file = files.get(name);
    if (file === undefined || picked.has(name)) return;
    const data = await readModule(file);
    const needs = dependencies(data).filter((need) => files.has(need));
    picked.set(name, { data, needs });
    for (const need of needs) await pick(need);
  };
  for (const name of wanted) await pick(canonical(name));
  const path = (name: string): string =>
    relative(base, files.get(name)!).replace(/\.(?:xz|zst)$/, "");
  const all = (name: string): readonly string[] =>
    picked.get(name)!.needs.flatMap((need) => [need, ...all(need)]);
  // modprobe loads the needs of a module from the last to the first, so each stands behind all that need it.
  const ordered = (name: string): readonly string[] =>
    [...new Set(all(name).toReversed())].toReversed();
  const lines = [...picked.keys()].map(
    (name) => `${path(name)}: ${ordered(name).map(path).join(" ")}\n`,
  );
  const directory = `lib/modules/${release}`;
  const parents = new Set<string>();
  for (const name of picked.keys()) {
    const parts = `${directory}/${path(name)}`.split("/").slice(0, -1);
    parts.forEach((_, index) => parents.add(parts.slice(0, index + 1).join("/")));
  }
  return {
    members: [
      ...[...parents].toSorted().map((parent) => ({ path: parent, type: "directory" as const })),
      ...[...picked].map(([name, { data }]) => ({
        path: `${directory}/${path(name)}`,
        type: "file" as const,
        mode: 0o644,
        data,
      })),
      {
        path: `${directory}/modules.dep`,
        type: "file",
        mode: 0o644,
        data: Buffer.from(lines.join("")),
      },
    ],
    names: wanted.map(canonical).filter((name) => picked.has(name)),
  };
}

function canonical(name: string): string {
  return name.replaceAll("-", "_");
}

/** A module says what it needs as `depends=a,b` in its `.modinfo` section. */
function dependencies(module: Buffer): readonly string[] {
  const at = module.indexOf("\0depends=");
  if (at === -1) return [];
  const end = module.indexOf(0, at + 1);
  const names = module.toString("latin1", at + "\0depends=".length, end);
  return names === "" ? [] : names.split(",").map(canonical);
}

async function readModule(file: string): Promise<Buffer> {
  if (file.endsWith(".xz")) {
    return execFileSync("xz", ["--decompress", "--stdout", file], { maxBuffer: 64 * 2 ** 20 });
  }
  const data = await readFile(file);
  return file.endsWith(".zst") ? zstdDecompressSync(data) : data;
}
