/** Streams of messages over grpc-js's object streams, with backpressure and without an end that is never noticed. */
import type { Readable, Writable } from "node:stream";
import { untilAborted } from "./abort.ts";

/**
 * Writes `messages` one after the other and waits whenever the peer takes them more slowly than they come. Ends early,
 * with the signal's reason, when the signal is aborted; the source is then told to stop.
 */
export async function send<T>(
  stream: Writable,
  messages: AsyncIterable<T>,
  encode: (message: T) => Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  const iterator = messages[Symbol.asyncIterator]();
  let exhausted = false;
  try {
    for (;;) {
      const next = await untilAborted(iterator.next(), signal);
      if (next.done) {
        exhausted = true;
        return;
      }
      if (!stream.write(encode(next.value))) await drained(stream, signal);
    }
  } finally {
    // Not waited for: a source that ignores the signal would hold up the call's end.
    if (!exhausted) iterator.return?.().catch(() => {});
  }
}

/**
 * Yields what the peer sends, read only as fast as it is consumed. Throws the signal's reason once it is aborted.
 *
 * @param endIsFinal is waited for after the last message, before the end is believed
 */
export async function* receive<T>(
  stream: Readable,
  decode: (bytes: Buffer) => T,
  signal?: AbortSignal,
  endIsFinal?: () => Promise<void>,
): AsyncGenerator<T, void, undefined> {
  const iterator = stream.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await untilAborted(iterator.next(), signal).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
    if (next.done) {
      await endIsFinal?.();
      signal?.throwIfAborted();
      return;
    }
    yield decode(next.value as Buffer);
  }
}

function drained(stream: Writable, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve);
  stream.once("close", resolve);
  return untilAborted(promise, signal).finally(() => {
    stream.off("drain", resolve);
    stream.off("close", resolve);
  });
}
