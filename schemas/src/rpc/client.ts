/**
 * A gRPC client: a transport is one connection, made on first use and again whenever it is lost; clients of any number
 * of services share it.
 */
import type { DescService } from "@bufbuild/protobuf";
import { ChannelCredentials, Client as GrpcClient, type ChannelOptions } from "@grpc/grpc-js";
import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { AddressCredentials } from "./address-credentials.ts";
import { formatAddress, parseAddress, type Address } from "./address.ts";
import { callMethod } from "./invoke.ts";
import type { ClientInterceptor } from "./interceptor.ts";
import { agentLimits, reconnectMs, type Limits } from "./limits.ts";
import type { Client } from "./service.ts";
import { checkIdentity, credentialsError, type ClientTls, type Plaintext } from "./tls.ts";

/** How to reach a server. */
export interface TransportOptions {
  /** `HOST:PORT`, `[IPV6]:PORT` or `unix:/PATH`. */
  readonly address: string;
  readonly security: ClientTls | Plaintext;
  /** Default {@link agentLimits}. */
  readonly limits?: Limits;
  /** Milliseconds that a unary or client-streaming call may take, unless the call says otherwise. Default 30 s. */
  readonly timeoutMs?: number;
  /** The first is outermost. */
  readonly interceptors?: readonly ClientInterceptor[];
  /** Milliseconds between pings of a silent connection with calls on it. Default 30 s; `Infinity` = none. */
  readonly keepaliveMs?: number;
}

const defaultTimeoutMs = 30_000;
const defaultKeepaliveMs = 30_000;

/** Made by {@link connect}. */
export class Transport implements Disposable {
  readonly address: string;
  readonly security: ClientTls | Plaintext;
  readonly limits: Limits;
  readonly timeoutMs: number;
  readonly interceptors: readonly ClientInterceptor[];
  readonly #grpc: GrpcClient;
  readonly #closed = new AbortController();

  constructor(options: TransportOptions) {
    const address = parseAddress(options.address);
    this.address = formatAddress(address);
    this.security = options.security;
    this.limits = options.limits ?? agentLimits;
    this.timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.interceptors = options.interceptors ?? [];
    this.#grpc = new GrpcClient(
      "path" in address ? `unix:${address.path}` : `dns:${this.address}`,
      credentials(options.security, address),
      channelOptions(this.limits, options),
    );
  }

  /** For the call adapters: the channel, and a signal that ends with the transport. */
  get channel(): { readonly grpc: GrpcClient; readonly closed: AbortSignal } {
    return { grpc: this.#grpc, closed: this.#closed.signal };
  }

  /** Resolves once there is a connection, `false` where there is none after so many milliseconds. */
  connected(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) =>
      this.#grpc.waitForReady(Date.now() + timeoutMs, (error) => resolve(error === undefined)),
    );
  }

  /** Cancels the calls that are under way and ends the connection. */
  close(): void {
    this.#closed.abort();
    this.#grpc.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * @returns a transport that connects when it is first used. Throws ADDRESS_INVALID and CREDENTIALS_INVALID; what only
 * the network can tell is thrown by the calls.
 */
export function connect(options: TransportOptions): Transport {
  return new Transport(options);
}

/** @returns a client of `service` with a method for each of its calls. */
export function createClient<S extends DescService>(service: S, transport: Transport): Client<S> {
  const methods = service.methods.map((method) => [
    method.localName,
    callMethod(method, transport),
  ]);
  return Object.fromEntries(methods) as Client<S>;
}

function credentials(security: ClientTls | Plaintext, address: Address): ChannelCredentials {
  if (security === "plaintext") return ChannelCredentials.createInsecure();
  checkIdentity(security);
  try {
    const context = createSecureContext({
      ca: security.ca,
      cert: security.certificate,
      key: security.key,
      minVersion: security.minVersion ?? "TLSv1.3",
    });
    const name = security.serverName ?? ("host" in address ? address.host : "");
    return isIP(name) === 0
      ? ChannelCredentials.createFromSecureContext(context)
      : new AddressCredentials(context, name);
  } catch (thrown) {
    throw credentialsError(thrown);
  }
}

function channelOptions(limits: Limits, options: TransportOptions): ChannelOptions {
  const serverName = options.security === "plaintext" ? undefined : options.security.serverName;
  const keepaliveMs = options.keepaliveMs ?? defaultKeepaliveMs;
  return {
    "grpc.max_receive_message_length": limits.maxReceiveBytes,
    "grpc.max_send_message_length": limits.maxSendBytes,
    "grpc.enable_channelz": 0,
    // Hosts are reached directly, and are told about in our own configuration only.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    // Closing a transport must close its connection; two transports may trust different authorities.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": reconnectMs,
    ...(serverName !== undefined && { "grpc.ssl_target_name_override": serverName }),
    ...(Number.isFinite(keepaliveMs) && { "grpc.keepalive_time_ms": keepaliveMs }),
  };
}
