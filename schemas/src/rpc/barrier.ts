/**
 * Tells a caller who has sent everything from one who has gone. Node's client ends the stream of a cancelled call and
 * resets it only with its next write, so for a moment half an upload looks like a whole one.
 */
import type { ServerHttp2Session } from "node:http2";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";

/**
 * Waits until a reset that belongs to an end of stream has arrived: frames keep their order, so whatever the caller sent
 * with the end is here when it has answered a ping.
 *
 * @param call one of grpc-js's server calls that have a stream of requests
 */
export async function endIsFinal(call: unknown): Promise<void> {
  const session = sessionOf(call);
  if (session && !session.destroyed) await pong(session);
  // A reset that came in the same piece as the answer is dealt with in this turn.
  await turn();
}

async function pong(session: ServerHttp2Session): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // Only so many pings may be under way on one connection.
  while (!session.destroyed && !session.ping(() => resolve())) await sleep(1);
  session.once("close", resolve);
  if (session.destroyed) resolve();
  await promise;
  session.off("close", resolve);
}

/** The connection of a server call. Not part of grpc-js's interface, which has nothing to ask; a test fails if it moves. */
export function sessionOf(call: unknown): ServerHttp2Session | undefined {
  return (call as { call?: { stream?: { session?: ServerHttp2Session } } }).call?.stream?.session;
}
