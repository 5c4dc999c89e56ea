import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/** Bytes of one message of an upload. */
const CHUNK = 256 * 1024;

/** The size of a regular file in bytes; throws for anything else. */
export async function sizeOf(path: string): Promise<number> {
  const file = await stat(path);
  if (!file.isFile()) throw new TypeError(`${path} is no regular file`);
  return file.size;
}

/** The SHA-256 digest of a file's content, lower-case hexadecimal. Throws the signal's reason once that aborts. */
export async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  await sizeOf(path);
  const hash = createHash("sha256");
  for await (const chunk of fileChunks(path, signal)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** The content of a file in pieces that fit a message. */
export async function* fileChunks(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    signal.throwIfAborted();
    yield chunk as Buffer;
  }
}
