import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { writeCpio, type Member } from "./cpio.ts";
import { unpackDeb } from "./deb.ts";
import { guestFiles } from "./init.ts";
import { downloadKernelPackages } from "./kernel-package.ts";
import { pickModules } from "./modules.ts";
import { extractVmlinux } from "./vmlinux.ts";

export interface GuestOptions {
  /** Where guests are kept; default `$XDG_CACHE_HOME/lodge/guest`. */
  readonly directory?: string;
  /** Debian packages with the kernel, instead of what apt has. Default: those of LODGE_KERNEL_PACKAGES. */
  readonly kernelPackages?: readonly string[];
  /** A statically linked busybox; default that of LODGE_BUSYBOX, else the machine's. */
  readonly busybox?: string;
  /** Asks apt for the newest kernel even where a guest is there. */
  readonly refresh?: boolean;
  /** Told what is being done, one line each. */
  readonly progress?: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where distributions put it. */
export const busyboxPlaces = ["/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox"];

/** What is not on every machine, and is then named: as options of the scripts or in the environment. */
export const kernelPackagesVariable = "LODGE_KERNEL_PACKAGES";
export const busyboxVariable = "LODGE_BUSYBOX";

/** A guest that is ready to be started; paths are absolute. */
export interface Guest {
  /** The uncompressed kernel, an ELF file. */
  readonly kernel: string;
  readonly initrd: string;
  /** The kernel's release and a digest of everything else in it. */
  readonly version: string;
}

/** Builds the small guest of the tests and examples out of the distribution's own kernel and busybox, or finds it built. */
export async function buildGuest(options: GuestOptions = {}): Promise<Guest> {
  const { directory = defaultDirectory(), progress = () => {}, signal } = options;
  const busybox = await readBusybox(options.busybox ?? (process.env[busyboxVariable] || undefined));
  const recipe = createHash("sha256").update(busybox);
  for (const file of (await readdir(import.meta.dirname)).toSorted()) {
    if (file.endsWith(".ts") && !file.endsWith(".test.ts")) {
      recipe.update(await readFile(join(import.meta.dirname, file)));
    }
  }
  const packages = options.kernelPackages ?? pathList(process.env[kernelPackagesVariable]);
  for (const file of packages)
    recipe.update(
      createHash("sha256")
        .update(await read(file))
        .digest(),
    );
  const digest = recipe.digest("hex").slice(0, 12);
  if (!options.refresh) {
    const built = await findBuilt(directory, digest);
    if (built) return built;
  }
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(directory, ".building-"));
  try {
    const debs =
      packages.length > 0
        ? packages
        : await downloadKernelPackages(join(work, "packages"), progress, signal);
    progress("unpacking the kernel");
    const root = join(work, "root");
    await mkdir(root);
    for (const deb of debs) {
      const wanted = ["./boot/vmlinuz-*", "./lib/modules/*", "./usr/lib/modules/*"];
      await unpackDeb(deb, root, wanted, signal);
    }
    const release = await findRelease(root);
    const version = `${release}-${digest}`;
    progress(`building the guest ${version}`);
    const output = join(work, "guest");
    await mkdir(output);
    const bzImage = await readFile(join(root, "boot", `vmlinuz-${release}`));
    await writeFile(join(output, "vmlinux"), extractVmlinux(bzImage));
    await writeFile(join(output, "initrd"), writeCpio(await members(root, release, busybox)));
    signal?.throwIfAborted();
    const guest = await publish(output, directory, version);
    await prune(directory, version);
    return guest;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function pathList(text: string | undefined): readonly string[] {
  return (text ?? "").split(delimiter).filter((path) => path !== "");
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`The kernel package ${path} cannot be read.`, { cause });
  }
}

function defaultDirectory(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lodge", "guest");
}

function guestIn(directory: string, version: string): Guest {
  const place = join(directory, version);
  return { kernel: join(place, "vmlinux"), initrd: join(place, "initrd"), version };
}

/** The newest guest of this recipe. */
async function findBuilt(directory: string, digest: string): Promise<Guest | undefined> {
  const names = await readdir(directory).catch(() => []);
  const versions = names.filter((name) => name.endsWith(`-${digest}`));
  const newest = versions.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  return newest === undefined ? undefined : guestIn(directory, newest);
}

/** A directory of that name is whole, since it is renamed to it; another process may have done so first. */
async function publish(output: string, directory: string, version: string): Promise<Guest> {
  const place = join(directory, version);
  try {
    await rename(output, place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
  return guestIn(directory, version);
}

/** Removes what was replaced long ago, and what builds that were killed have left; who still uses one has it open. */
async function prune(directory: string, newest: string): Promise<void> {
  const week = 7 * 24 * 3_600_000;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (name === newest || mtimeMs > Date.now() - week) continue;
    await rm(path, { recursive: true, force: true });
  }
}

async function readBusybox(path: string | undefined): Promise<Buffer> {
  const candidates = path === undefined ? busyboxPlaces : [path];
  for (const candidate of candidates) {
    const data = await readFile(candidate).catch(() => undefined);
    if (data === undefined) continue;
    if (!isStatic(data)) continue;
    return data;
  }
  throw new Error(
    path === undefined
      ? "The small guest needs a statically linked busybox: install the package busybox-static, or give its path with --busybox (LODGE_BUSYBOX)."
      : `${path} is no statically linked busybox.`,
  );
}

/** A dynamic executable has a program header of type 3, naming a loader that the guest would not have. */
function isStatic(elf: Buffer): boolean {
  if (elf.length < 64 || elf.toString("latin1", 0, 5) !== "\x7fELF\x02") return false;
  const first = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  const types = Array.from({ length: elf.readUInt16LE(56) }, (_, n) =>
    elf.readUInt32LE(first + n * size),
  );
  return !types.includes(3);
}

async function findRelease(root: string): Promise<string> {
  const kernels = await readdir(join(root, "boot")).catch(() => []);
  const release = kernels.find((name) => name.startsWith("vmlinuz-"))?.slice("vmlinuz-".length);
  if (release === undefined) throw new Error("The package has no kernel in /boot.");
  const merged = join(root, "usr", "lib", "modules", release);
  if (await stat(merged).catch(() => undefined)) {
    await mkdir(join(root, "lib", "modules"), { recursive: true });
    await rename(merged, join(root, "lib", "modules", release));
  }
  return release;
}

async function members(root: string, release: string, busybox: Buffer): Promise<readonly Member[]> {
  const modules = await pickModules(root, release);
  const directories = ["bin", "dev", "etc", "lib", "proc", "root", "srv", "sys", "tmp"];
  const files = Object.entries(guestFiles(modules.names));
  return [
    ...directories.map((path) => ({ path, type: "directory" as const })),
    // Linux opens its console before the guest can mount anything.
    { path: "dev/console", type: "device", major: 5, minor: 1 },
    { path: "bin/busybox", type: "file", mode: 0o755, data: busybox },
    { path: "bin/sh", type: "link", target: "busybox" },
    ...files.map(([path, text]) => ({
      path,
      type: "file" as const,
      mode: 0o755,
      data: Buffer.from(text),
    })),
    ...modules.members.filter(({ path }) => path !== "lib"),
  ];
}
