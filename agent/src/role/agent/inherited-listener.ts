/**
 * A TCP socket that listens in the network of whoever made it: the development agent lives in a network of its own, and
 * is handed the machine's socket by the process that starts it.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { formatAddress, parseAddress } from "@lodge/schemas/rpc/address.ts";
import { Listener } from "@lodge/schemas/rpc/listener.ts";
import { listenError } from "../../lib/listen-error.ts";

/** Held by the process that starts the agent; it is closed there once the agent has it. */
export interface OpenListener extends Disposable {
  /** Where it listens; a port of 0 has become a real one. */
  readonly address: string;
  /** To be given to a child process as one of its files. */
  readonly fd: number;
}

/** Listens at `HOST:PORT`, for another process to serve. Throws ADDRESS_INVALID, PORT_UNAVAILABLE with what the system says. */
export async function openListener(text: string): Promise<OpenListener> {
  const address = parseAddress(text);
  if ("path" in address) {
    throw lodgeError("ADDRESS_INVALID", `"${text}" is no HOST:PORT.`, {
      remedy: "The agent has a unix socket anyway; --listen adds a TCP port.",
    });
  }
  const server = createServer();
  server.listen(address);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw listenError(text, cause, "Choose another address or port; port 0 is any free one.");
  }
  return {
    address: boundAddress(server),
    fd: descriptor(server),
    [Symbol.dispose]: () => void server.close(),
  };
}

/** The other side: the socket that this process was started with. */
export async function inheritListener(fd: number): Promise<Listener> {
  const waiting: Socket[] = [];
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    waiting.push(socket);
  });
  server.listen({ fd });
  await once(server, "listening");
  return new Listener(server, parseAddress(boundAddress(server)), waiting);
}

function boundAddress(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return formatAddress({ host: address, port });
}

/** Node hands a listening socket to no child that it did not fork, but for its number. */
function descriptor(server: Server): number {
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  if (fd >= 0) return fd;
  throw new TypeError("the listening socket has no file descriptor");
}
