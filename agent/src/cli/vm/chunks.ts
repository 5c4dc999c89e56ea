import { on } from "node:events";
import type { Readable } from "node:stream";

/** Pieces that may wait for their reader: beyond that the stream is paused, below it goes on. */
const waiting = { highWaterMark: 16, lowWaterMark: 4 };

/**
 * What comes in on a stream, piece by piece, until it ends. The stream stays open, and is read no faster than its
 * pieces are taken. Throws AbortError when the signal aborts.
 */
export async function* chunksOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const chunks = on(stream, "data", { signal, close: ["end", "close"], ...waiting });
  for await (const [chunk] of chunks as AsyncIterable<[Buffer]>) yield chunk;
}
