import { once } from "node:events";
import { createServer } from "node:net";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";

/**
 * Makes sure that this is the only agent of its host, until it is disposed of or the process ends, however that ends.
 * Throws AGENT_RUNNING. The name belongs to the network namespace, which is the host.
 */
export async function singleInstance(): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.destroy());
  server.listen("\0lodge-agent");
  try {
    await once(server, "listening");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw lodgeError("AGENT_RUNNING", "Another agent serves this host already.", {
      remedy: "End that one first; one that is being ended needs a moment.",
      cause,
    });
  }
  return server;
}
