/**
 * A gRPC server: services with typed handlers, on any number of sockets, each with mutual TLS unless plaintext is asked
 * for. TLS is terminated here and not by grpc-js, so that refused clients can be logged with their reason.
 */
import { Server as GrpcServer, ServerCredentials, type ConnectionInjector } from "@grpc/grpc-js";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress, formatAddress, type Address } from "./address.ts";
import { CallTable } from "./call.ts";
import { registerService } from "./handler.ts";
import type { ServerInterceptor } from "./interceptor.ts";
import { agentLimits, type Limits } from "./limits.ts";
import { listen, type Listener } from "./listener.ts";
import { terminateTls, type Termination } from "./terminate.ts";
import type { CallContext, ServiceBinding } from "./service.ts";
import type { LodgeError } from "./error.ts";
import type { Plaintext, ServerTls } from "./tls.ts";

/** What a server is made of. */
export interface ServerOptions {
  readonly services: readonly ServiceBinding[];
  /** The first is outermost. */
  readonly interceptors?: readonly ServerInterceptor[];
  /** Default {@link agentLimits}. */
  readonly limits?: Limits;
  /** Told of every call that failed, with the cause that the caller does not see. Must not throw. */
  readonly onError?: (error: LodgeError, context: CallContext) => void;
  /** Told of every client that was refused before its first call, and why. Must not throw. */
  readonly onRefused?: (reason: string, address: string) => void;
  /** Milliseconds between pings of a silent connection; a peer that does not answer is dropped. Default: none sent. */
  readonly keepaliveMs?: number;
}

/** Milliseconds that unary calls get to finish when the server closes. */
const defaultGraceMs = 2000;
/** Milliseconds that the last answers get to leave. */
const cutMs = 500;

/** Made by {@link createServer}. */
export class Server implements AsyncDisposable {
  readonly #grpc: GrpcServer;
  readonly #injector: ConnectionInjector;
  readonly #calls: CallTable;
  readonly #listeners: Listener[] = [];
  readonly #terminations: Termination[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #onRefused: (reason: string, address: string) => void;

  constructor(options: ServerOptions) {
    const limits = options.limits ?? agentLimits;
    this.#onRefused = options.onRefused ?? (() => {});
    this.#grpc = new GrpcServer({
      "grpc.enable_channelz": 0,
      "grpc.max_receive_message_length": limits.maxReceiveBytes,
      "grpc.max_send_message_length": limits.maxSendBytes,
      "grpc.max_concurrent_streams": limits.maxConcurrentCalls,
      ...(options.keepaliveMs !== undefined && { "grpc.keepalive_time_ms": options.keepaliveMs }),
    });
    this.#calls = new CallTable(options.interceptors ?? [], options.onError ?? (() => {}));
    for (const binding of options.services) {
      registerService(this.#grpc, binding, this.#calls, limits);
    }
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /**
   * Listens at `address` (`unix:PATH` or `HOST:PORT`) and serves.
   *
   * @returns where it listens; a port of 0 has become a real one. Rejects with node's error (EADDRINUSE, EACCES, …).
   */
  async listen(address: string | Address, security: ServerTls | Plaintext): Promise<string> {
    const parsed = typeof address === "string" ? parseAddress(address) : address;
    const listener = await listen(parsed);
    this.serve(listener, security);
    return formatAddress(listener.address);
  }

  /** Serves the connections of a socket that listens already. The server owns it from now on. */
  serve(listener: Listener, security: ServerTls | Plaintext): void {
    this.#listeners.push(listener);
    const inject = (socket: Socket) => this.#injector.injectConnection(socket);
    let accept = inject;
    if (security !== "plaintext") {
      const termination = terminateTls(security, inject, this.#onRefused);
      this.#terminations.push(termination);
      accept = termination.accept;
    }
    listener.serve((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => this.#sockets.delete(socket));
      accept(socket);
    });
  }

  /**
   * Meets later connections on every socket that has TLS with this identity; those that are open live on. Throws
   * CREDENTIALS_INVALID, and then changes nothing.
   */
  renew(tls: ServerTls): void {
    for (const termination of this.#terminations) termination.renew(tls);
  }

  /**
   * Stops listening; streams end at once with SERVER_CLOSING, unary calls get `graceMs` to finish, then all connections
   * are cut. May be called again with a shorter grace.
   */
  async close(graceMs: number = defaultGraceMs): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
    // Says goodbye; its own time limit must not cut what is answered within ours.
    this.#injector.drain(graceMs + cutMs);
    await this.#calls.close(graceMs);
    this.#injector.destroy();
    this.#grpc.forceShutdown();
    await this.#cutConnections();
  }

  /**
   * Stops listening, and waits at most `graceMs` for the clients to leave by themselves: for a process that ends right
   * after, asked by a client that leaves as soon as it has the answer.
   */
  async finish(graceMs: number): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
    const limit = new AbortController();
    await Promise.race([this.#allClosed(), sleep(graceMs, undefined, limit)]);
    limit.abort();
  }

  /** Sessions that have said goodbye close by themselves once their last answer is out; the rest is cut. */
  async #cutConnections(): Promise<void> {
    const closed = this.#allClosed();
    const cut = setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), cutMs);
    await closed;
    clearTimeout(cut);
  }

  async #allClosed(): Promise<void> {
    await Promise.all(
      [...this.#sockets].map(
        (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
      ),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Makes a server that does not listen yet. */
export function createServer(options: ServerOptions): Server {
  return new Server(options);
}
