import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";

/**
 * A TCP connection to a guest. Either side may end its half of it first. Throws UNAVAILABLE (reason GUEST_UNREACHABLE)
 * with what the guest, or the lack of one, answered; the signal's reason where that aborted it.
 */
export async function connectToGuest(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  signal.throwIfAborted();
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    const { code = "" } = error as NodeJS.ErrnoException;
    throw lodgeError("GUEST_UNREACHABLE", `No connection to ${host}:${port}: ${words(code)}.`, {
      remedy: "Look at the guest's console, and wait until its service listens.",
      cause: error,
    });
  }
}

function words(code: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "the guest has nothing that listens on the port";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "no guest answers under the address";
    case "ETIMEDOUT":
      return "the guest does not answer";
    default:
      return code;
  }
}
