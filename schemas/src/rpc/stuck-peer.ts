/** Ends connections on which nothing moves any more. */
import type { ServerHttp2Session } from "node:http2";
import { sessionOf } from "./barrier.ts";

/** Milliseconds between two looks. */
const lookMs = 1500;
/** So many looks in a row that find the same bytes still waiting end a connection. */
const patience = 3;

/**
 * Node loses the end of a write that fails at once, as to a peer that was killed a moment ago, and reads nothing while a
 * write is under way: such a connection never closes, and its calls never end. A peer that merely reads slowly takes
 * some of what waits between two looks.
 */
export class StuckPeers {
  readonly #watched = new WeakSet<ServerHttp2Session>();

  /** Looks after the connection of one of grpc-js's server calls for as long as it lives. */
  watch(call: unknown): void {
    const session = sessionOf(call);
    if (!session || session.destroyed || this.#watched.has(session)) return;
    this.#watched.add(session);
    let [stuck, written] = [0, -1];
    const timer = setInterval(() => {
      if (session.destroyed) return clearInterval(timer);
      const { bytesWritten } = session.socket;
      const waits = (session.state.outboundQueueSize ?? 0) > 0;
      stuck = waits && bytesWritten === written ? stuck + 1 : 0;
      written = bytesWritten;
      if (stuck >= patience) session.destroy();
      // Something to write, for the case that nothing else comes.
      else if (!waits) session.ping(() => {});
    }, lookMs);
    timer.unref();
    session.once("close", () => clearInterval(timer));
  }
}
