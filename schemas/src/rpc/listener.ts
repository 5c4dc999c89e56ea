/**
 * A listening socket that holds its connections until somebody serves them. It loads nothing but node:net, so that a
 * process can say where it listens before the rest of it has been loaded.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Address } from "./address.ts";

/** Made by {@link listen}. Closing it removes a unix socket's file; connections are not touched. */
export class Listener implements AsyncDisposable {
  /** Where it really listens: the port is never 0. */
  readonly address: Address;
  readonly #server: Server;
  readonly #waiting: Socket[];

  constructor(server: Server, address: Address, waiting: Socket[]) {
    this.#server = server;
    this.address = address;
    this.#waiting = waiting;
  }

  /** Hands over every connection, those that came before this call first. To be called once. */
  serve(onConnection: (socket: Socket) => void): void {
    this.#server.removeAllListeners("connection").on("connection", onConnection);
    for (const socket of this.#waiting.splice(0)) onConnection(socket);
  }

  /** Stops listening. Resolves at once: connections that are being served live on. */
  close(): Promise<void> {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    if (this.#server.listening) this.#server.close();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Listens at `address`; rejects with node's own error (EADDRINUSE, EACCES, …). */
export function listen(address: Address): Promise<Listener> {
  const waiting: Socket[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    waiting.push(socket);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen("path" in address ? { path: address.path } : address, () => {
      server.off("error", reject);
      resolve(new Listener(server, bound(address, server), waiting));
    });
  });
}

function bound(asked: Address, server: Server): Address {
  if ("path" in asked) return asked;
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}
