import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The metapackages of small kernels, best first: Debian's cloud kernel, then Ubuntu's. */
const metapackages = ["linux-image-cloud-amd64", "linux-image-virtual"];

const elsewhere =
  "On a system without apt, fetch the file linux-image-VERSION-cloud-amd64_….deb from https://packages.debian.org/stable/linux-image-cloud-amd64 and give its path with --kernel-package (LODGE_KERNEL_PACKAGES).";

/**
 * Downloads the distribution's own kernel for virtual machines into a directory, without installing it, and answers the
 * files. Works as an ordinary user; where the package lists are missing, a private copy of them is fetched.
 */
export async function downloadKernelPackages(
  directory: string,
  progress: (message: string) => void,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const apt = aptUntil(signal);
  await mkdir(directory, { recursive: true });
  let options: readonly string[] = [];
  let names = await findPackages(apt, options);
  if (names.length === 0) {
    progress("fetching the package lists");
    options = await fetchLists(apt, directory);
    names = await findPackages(apt, options);
  }
  if (names.length === 0) {
    throw new Error(
      `apt knows none of ${metapackages.join(", ")}, one of which the small guest's kernel comes from. Add Debian's main archive to the sources of apt. ${elsewhere}`,
    );
  }
  progress(`downloading ${names.join(", ")}`);
  await apt("apt-get", [...options, "download", ...names], directory);
  const files = (await readdir(directory)).filter((file) => file.endsWith(".deb"));
  if (files.length < names.length)
    throw new Error(`apt-get downloaded nothing for ${names.join(", ")}`);
  return files.map((file) => join(directory, file));
}

/** The packages with the kernel itself and, where that is another package, its modules. */
async function findPackages(apt: Apt, options: readonly string[]): Promise<readonly string[]> {
  for (const metapackage of metapackages) {
    const kernels = await depends(apt, metapackage, options);
    const image = kernels.find((name) => /^linux-image-(unsigned-)?\d/.test(name));
    if (image === undefined) continue;
    const modules = await depends(apt, image, options);
    return [image, ...modules.filter((name) => /^linux-modules-\d/.test(name))];
  }
  return [];
}

async function depends(
  apt: Apt,
  name: string,
  options: readonly string[],
): Promise<readonly string[]> {
  const words = await apt("apt-cache", [...options, "depends", "--important", name]).catch(
    (error: unknown) => {
      if (error instanceof Error && /No packages found|Unable to locate/.test(error.message))
        return "";
      throw error;
    },
  );
  return [...words.matchAll(/^\s+\|?Depends: (\S+)$/gm)].map((match) => match[1]!);
}

async function fetchLists(apt: Apt, directory: string): Promise<readonly string[]> {
  const lists = join(directory, "lists");
  const cache = join(directory, "cache");
  await mkdir(join(lists, "partial"), { recursive: true });
  await mkdir(join(cache, "archives", "partial"), { recursive: true });
  const options = ["-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`];
  await apt("apt-get", [...options, "update"]);
  return options;
}

/** Runs one of apt's programs, and answers what it prints. */
type Apt = (program: string, args: readonly string[], cwd?: string) => Promise<string>;

function aptUntil(signal: AbortSignal | undefined): Apt {
  return async (program, args, cwd) => {
    try {
      const env = { ...process.env, LC_ALL: "C" };
      const { stdout } = await run(program, args, { cwd, env, signal });
      return stdout;
    } catch (error) {
      signal?.throwIfAborted();
      const { code, stderr } = error as { code?: unknown; stderr?: string };
      if (code === "ENOENT")
        throw new Error(`${program} is not on this system. ${elsewhere}`, { cause: error });
      throw new Error(`${program} failed: ${(stderr ?? String(error)).trim()}`, { cause: error });
    }
  };
}
