/** The life of a call on the server: context, interceptors, cancellation, and its one end. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Metadata, type StatusObject } from "@grpc/grpc-js";
import type { EventEmitter } from "node:events";
import { untilAborted } from "./abort.ts";
import { asLodgeError, detailKey, lodgeError, toWireStatus, type LodgeError } from "./error.ts";
import { around, type ServerInterceptor } from "./interceptor.ts";
import { StuckPeers } from "./stuck-peer.ts";
import { describeCertificate } from "./tls.ts";
import type { CallContext, ContextKey, Peer, PeerCertificate } from "./service.ts";

/** What the four kinds of grpc-js's server calls have in common. */
export interface GrpcCall extends EventEmitter {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPeer(): string;
  getDeadline(): Date | number;
  getAuthContext(): { sslPeerCertificate?: { raw: Buffer } };
}

interface Active {
  readonly controller: AbortController;
  readonly streaming: boolean;
  readonly done: Promise<void>;
}

/** The calls that are running on one server. */
export class CallTable {
  readonly #active = new Set<Active>();
  readonly #interceptors: readonly ServerInterceptor[];
  readonly #onError: (error: LodgeError, context: CallContext) => void;
  readonly #peers = new StuckPeers();
  #closing: LodgeError | undefined;

  constructor(
    interceptors: readonly ServerInterceptor[],
    onError: (error: LodgeError, context: CallContext) => void,
  ) {
    this.#interceptors = interceptors;
    this.#onError = onError;
  }

  /**
   * Runs a call to its end. `body` answers it; `fail` is called once if anything throws, with what travels of the
   * error. Never rejects.
   */
  async run(
    call: GrpcCall,
    method: DescMethod,
    request: () => Message | undefined,
    body: (request: Message | undefined, context: CallContext) => Promise<void>,
    fail: (status: Partial<StatusObject>) => void,
  ): Promise<void> {
    const controller = new AbortController();
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    const active = { controller, done, streaming: method.methodKind !== "unary" };
    const context = new Context(call, method, controller.signal);
    let over = false;
    // grpc-js says "cancelled" after every call, also after a good one.
    call.on("cancelled", () => {
      if (!over)
        controller.abort(
          lodgeError("CANCELLED", "The caller has cancelled the call, or has gone."),
        );
    });
    this.#peers.watch(call);
    this.#active.add(active);
    try {
      if (this.#closing) throw this.#closing;
      const message = request();
      const interceptors = this.#interceptors.map(
        (interceptor) => (next: () => Promise<void>) => interceptor(context, next, message),
      );
      // A handler that does not heed its signal holds up nobody.
      await untilAborted(
        around(interceptors, () => body(message, context)),
        controller.signal,
      );
    } catch (thrown) {
      const error = asLodgeError(thrown);
      if (!call.cancelled) {
        this.#onError(error, context);
        fail(grpcStatus(error));
      }
    } finally {
      over = true;
      this.#active.delete(active);
      finish();
    }
  }

  /** Ends streams at once and the other calls after `graceMs`; new ones are refused. */
  async close(graceMs: number): Promise<void> {
    const closing = lodgeError("SERVER_CLOSING", "The server is being stopped.");
    this.#closing = closing;
    for (const call of this.#active) if (call.streaming) call.controller.abort(closing);
    const all = Promise.all([...this.#active].map((call) => call.done));
    const timer = Promise.withResolvers<void>();
    const handle = setTimeout(timer.resolve, graceMs);
    await Promise.race([all, timer.promise]);
    clearTimeout(handle);
    for (const call of this.#active) call.controller.abort(closing);
    await Promise.all([...this.#active].map((call) => call.done));
  }
}

function grpcStatus(error: LodgeError): Partial<StatusObject> {
  const { code, details, detail } = toWireStatus(error);
  const metadata = new Metadata();
  metadata.set(detailKey, Buffer.from(detail));
  return { code, details, metadata };
}

class Context implements CallContext {
  readonly signal: AbortSignal;
  readonly method: DescMethod;
  readonly peer: Peer;
  readonly deadline?: Date;
  readonly #call: GrpcCall;
  readonly #values = new Map<ContextKey<unknown>, unknown>();
  #headers: ReadonlyMap<string, string> | undefined;

  constructor(call: GrpcCall, method: DescMethod, signal: AbortSignal) {
    this.#call = call;
    this.method = method;
    this.signal = signal;
    this.peer = new CallPeer(call);
    const deadline = call.getDeadline();
    if (deadline !== Infinity) this.deadline = new Date(deadline);
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= new Map(
      Object.entries(this.#call.metadata.getMap()).filter(
        (entry): entry is [string, string] => typeof entry[1] === "string",
      ),
    );
    return this.#headers;
  }

  get<T>(key: ContextKey<T>): T {
    if (!this.#values.has(key)) {
      throw lodgeError("INTERNAL", "An internal error has occurred.", {
        cause: new Error(`no interceptor has set ${key.name}`),
      });
    }
    return this.#values.get(key) as T;
  }

  set<T>(key: ContextKey<T>, value: T): void {
    this.#values.set(key, value);
  }
}

/** Parses the certificate only when somebody asks: most calls of a plugin never do. */
class CallPeer implements Peer {
  readonly address: string;
  readonly #call: GrpcCall;
  #certificate: PeerCertificate | undefined;

  constructor(call: GrpcCall) {
    this.#call = call;
    const address = call.getPeer();
    this.address = address === "unknown" ? "unix" : address;
  }

  get certificate(): PeerCertificate | undefined {
    const raw = this.#certificate ? undefined : this.#call.getAuthContext().sslPeerCertificate?.raw;
    if (raw) this.#certificate = describeCertificate(raw);
    return this.#certificate;
  }
}
