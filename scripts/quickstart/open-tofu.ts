/** OpenTofu, for machines that have neither it nor Terraform: a pinned release, checked by its digest. */
import { createHash } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unzipEntry } from "./zip.ts";

/** The release, and the SHA-256 digests of its archives by Node's names of architectures. */
export const release = {
  version: "1.10.6",
  architectures: { x64: "amd64" },
  sha256: {
    x64: "15b7bed76420b50da3e121769c43341df8cd57d751ca14e6dbe9c850124c6dac",
  },
} as const;

/** Where releases come from; `v1.2.3/tofu_1.2.3_linux_amd64.zip` is looked for below it. */
export const defaultMirror = "https://github.com/opentofu/opentofu/releases/download";

export interface FetchOptions {
  readonly mirror: string;
  /** Kept for the next time. */
  readonly cacheDirectory: string;
  readonly architecture: string;
  /** Default those of {@link release}. */
  readonly sha256?: Readonly<Record<string, string>>;
  readonly progress: (message: string) => void;
  readonly signal?: AbortSignal;
}

const elsewhere =
  "Install Terraform or OpenTofu yourself (https://opentofu.org/docs/intro/install), or name one with LODGE_TERRAFORM; LODGE_OPENTOFU_MIRROR is where it is fetched from.";

/** Where a fetched OpenTofu is kept. */
export function openTofuPath(cacheDirectory: string): string {
  return join(cacheDirectory, release.version, "tofu");
}

/** The path of the pinned OpenTofu, fetched if it is not there yet. Throws with what to install instead. */
export async function fetchOpenTofu(options: FetchOptions): Promise<string> {
  const { mirror, cacheDirectory, architecture, progress } = options;
  const { version, architectures } = release;
  const path = openTofuPath(cacheDirectory);
  // It is renamed into place after it was checked, so what stands there is whole.
  if (await stat(path).catch(() => undefined)) {
    progress(`OpenTofu ${version} was fetched before`);
    return path;
  }
  const name = Object.hasOwn(architectures, architecture)
    ? architectures[architecture as keyof typeof architectures]
    : undefined;
  if (name === undefined)
    throw new Error(`There is no OpenTofu for ${architecture} here. ${elsewhere}`);
  const url = `${mirror.replace(/\/$/u, "")}/v${version}/tofu_${version}_linux_${name}.zip`;
  progress(`fetching OpenTofu ${version} from ${url}`);
  const archive = await download(url, progress, options.signal);
  const wanted = (options.sha256 ?? release.sha256)[architecture as keyof typeof architectures];
  const found = createHash("sha256").update(archive).digest("hex");
  if (found !== wanted) {
    throw new Error(
      `${url} is not what it should be: its SHA-256 is ${found}, not ${wanted}. Nothing was kept. ${elsewhere}`,
    );
  }
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, unzipEntry(archive, "tofu"), { mode: 0o755 });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  progress(`its SHA-256 is right; kept as ${path}`);
  return path;
}

async function download(
  url: string,
  progress: (message: string) => void,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  try {
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok || !response.body) throw new Error(`the server answers ${response.status}`);
    const total = Number(response.headers.get("content-length"));
    const chunks: Uint8Array[] = [];
    let [received, told] = [0, 0];
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      received += chunk.length;
      const tenth = total > 0 ? Math.floor((10 * received) / total) : 0;
      if (tenth > told) progress(`${tenth * 10} %`);
      told = tenth;
    }
    if (total > 0 && received !== total) throw new Error(`only ${received} of ${total} bytes came`);
    return Buffer.concat(chunks);
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`${url} cannot be fetched (${reasonOf(error)}). ${elsewhere}`, {
      cause: error,
    });
  }
}

/** Node says "fetch failed" and hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
