/** Node for an architecture: this machine's is installed, another one's comes from npm and is checked like it. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "../build/bundle.ts";
import { pinnedNode } from "../build/launcher.ts";
import { command } from "../lib/command.ts";

/** Architectures by Node's names, with what Go, and so Terraform, calls them. */
export const architectures = { x64: "amd64", arm64: "arm64" } as const;
export type Architecture = keyof typeof architectures;

/** @returns the path of the pinned Node's executable. Throws where another architecture's cannot be fetched. */
export async function nodeFor(
  architecture: Architecture,
  progress: (text: string) => void,
): Promise<string> {
  if (architecture === process.arch) return pinnedNode();
  const name = `node-linux-${architecture}`;
  const { version, integrity } = await pinned(name);
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const directory = join(cache, "lodge", "node", `${version}-${architecture}`);
  const path = join(directory, "package", "bin", "node");
  // It is renamed into place after it was checked, so what stands there is whole.
  if (existsSync(path)) return path;
  await mkdir(dirname(directory), { recursive: true });
  const work = await mkdtemp(join(dirname(directory), ".fetching-"));
  try {
    progress(`fetching ${name} ${version} from npm`);
    await command("npm", ["pack", "--silent", `${name}@${version}`], { cwd: work });
    const archive = join(
      work,
      (await readdir(work)).find((file) => file.endsWith(".tgz"))!,
    );
    const found = `sha512-${createHash("sha512")
      .update(await readFile(archive))
      .digest("base64")}`;
    if (found !== integrity)
      throw new Error(`${name} ${version} is not what package-lock.json has: ${found}`);
    await command("tar", ["--extract", "--gzip", `--file=${archive}`], { cwd: work });
    await rm(archive);
    await rename(work, directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return path;
}

interface Pinned {
  readonly version: string;
  readonly integrity: string;
}

async function pinned(name: string): Promise<Pinned> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  return lock.packages[`node_modules/${name}`] as Pinned;
}
