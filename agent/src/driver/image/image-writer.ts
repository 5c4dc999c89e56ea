import { createHash } from "node:crypto";
import { open, rm, type FileHandle } from "node:fs/promises";
import { headerBytes } from "../../lib/qcow2.ts";

const chunkBytes = 1024 * 1024;
const zeros = Buffer.alloc(chunkBytes);

/** What was written, as far as the bytes themselves tell. */
export interface Written {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** The first bytes. */
  readonly start: Uint8Array;
}

/**
 * Writes a file from its beginning and digests what it writes. Runs of zeros become holes, since images of whole disks
 * are mostly empty.
 */
export async function writeImage(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Written> {
  await rm(path, { force: true });
  await using file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  const start: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    if (sizeBytes < headerBytes) start.push(chunk.slice(0, headerBytes - sizeBytes));
    hash.update(chunk);
    await writeSparse(file, chunk, sizeBytes);
    sizeBytes += chunk.length;
  }
  await file.truncate(sizeBytes);
  return { sha256: hash.digest("hex"), sizeBytes, start: Buffer.concat(start) };
}

/** Reads a file in chunks, each valid until the next is asked for. */
export async function* readChunks(file: FileHandle): AsyncIterable<Uint8Array> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Digests a file that is there already. */
export async function digestImage(file: FileHandle, signal: AbortSignal): Promise<Written> {
  const hash = createHash("sha256");
  let start: Uint8Array | undefined;
  let sizeBytes = 0;
  for await (const chunk of readChunks(file)) {
    signal.throwIfAborted();
    start ??= Uint8Array.from(chunk.subarray(0, headerBytes));
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest("hex"), sizeBytes, start: start ?? new Uint8Array() };
}

async function writeSparse(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; at += chunkBytes) {
    const piece = chunk.subarray(at, at + chunkBytes);
    if (zeros.subarray(0, piece.length).equals(piece)) continue;
    for (let done = 0; done < piece.length;) {
      const from = position + at + done;
      done += (await file.write(piece, done, piece.length - done, from)).bytesWritten;
    }
  }
}
