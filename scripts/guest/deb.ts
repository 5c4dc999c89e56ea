import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

/**
 * Unpacks those members of a Debian package whose names match the patterns (as of `tar --wildcards`) into a directory,
 * without installing anything and without dpkg, so that it works on every distribution.
 */
export async function unpackDeb(
  file: string,
  directory: string,
  patterns: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const { name, offset, size } = await findData(file);
  const compression = { xz: "--xz", zst: "--zstd", gz: "--gzip", tar: "" }[name.split(".").at(-1)!];
  if (compression === undefined)
    throw new Error(`${file}: ${name} is compressed in an unknown way`);
  const args = [
    "--extract",
    "--file=-",
    `--directory=${directory}`,
    "--no-same-owner",
    "--wildcards",
  ];
  const tar = spawn("tar", [...args, ...(compression ? [compression] : []), ...patterns], {
    stdio: ["pipe", "ignore", "pipe"],
    signal,
  });
  let words = "";
  tar.stderr.on("data", (chunk: Buffer) => (words += chunk.toString()));
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>();
  tar.once("error", reject).once("close", resolve);
  const range = { start: offset, end: offset + size - 1 };
  // tar says more about an early end than the pipe that breaks by it.
  const fed = pipeline(createReadStream(file, range), tar.stdin).catch(() => undefined);
  const [code] = await Promise.all([ended, fed]).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  // Patterns that match nothing are for the caller to notice: packages of several distributions differ.
  if (code !== 0 && !/Not found in archive/.test(words)) {
    throw new Error(`cannot unpack ${file}: ${words.trim()}`);
  }
}

/** A package is an `ar` archive: 8 bytes of magic, then members, each behind a header of 60 bytes. */
async function findData(
  file: string,
): Promise<{ readonly name: string; readonly offset: number; readonly size: number }> {
  await using handle = await open(file);
  const header = Buffer.alloc(60);
  await handle.read(header, 0, 8, 0);
  if (header.toString("latin1", 0, 8) !== "!<arch>\n")
    throw new Error(`${file} is no Debian package`);
  for (let at = 8; ;) {
    const { bytesRead } = await handle.read(header, 0, 60, at);
    if (bytesRead < 60) throw new Error(`${file} has no data: is it cut off?`);
    const name = header.toString("latin1", 0, 16).trim().replace(/\/$/, "");
    const size = Number(header.toString("latin1", 48, 58));
    if (name.startsWith("data.tar")) return { name, offset: at + 60, size };
    at += 60 + size + (size % 2);
  }
}
