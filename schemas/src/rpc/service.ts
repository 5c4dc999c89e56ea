/** The types of a service, as they follow from its protobuf descriptor. They are the same on both sides of the wire. */
import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

/** An X.509 certificate that the peer has proved to own. */
export interface PeerCertificate {
  /** The whole certificate, DER. */
  readonly raw: Uint8Array;
  /** SHA-256 over {@link raw}, lower-case hex. */
  readonly fingerprint: string;
  /** Common name of the subject; empty where there is none. */
  readonly commonName: string;
  /** Organizational units of the subject, in their order. */
  readonly organizationalUnits: readonly string[];
  /** DNS names of the subject alternative name. */
  readonly dnsNames: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Who is at the other end of a call. */
export interface Peer {
  /** `host:port`, or `unix` for a unix socket. */
  readonly address: string;
  /** Undefined on a plaintext connection, and once the connection has gone. */
  readonly certificate: PeerCertificate | undefined;
}

/** Names a value that interceptors hand to handlers, such as the principal of a call. */
export interface ContextKey<T> {
  readonly name: string;
  /** Never present: it ties the type to the key. */
  readonly type?: T;
}

/** @returns a key that equals no other, whatever its name. */
export function contextKey<T>(name: string): ContextKey<T> {
  return { name };
}

/** What a handler knows of its call besides the request. */
export interface CallContext {
  /** Aborted when the caller has gone or cancelled, the deadline has passed, or the server closes for good. */
  readonly signal: AbortSignal;
  readonly peer: Peer;
  /** Metadata of the request, names in lower case; binary entries (`-bin`) are left out. */
  readonly headers: ReadonlyMap<string, string>;
  /** Absent if the caller set none. */
  readonly deadline?: Date;
  readonly method: DescMethod;
  /** @returns what an interceptor has put under `key`; throws an INTERNAL error if none has. */
  get<T>(key: ContextKey<T>): T;
  set<T>(key: ContextKey<T>, value: T): void;
}

/** Handler of one method. A request stream ends when the caller has sent its last message. */
export type MethodImplementation<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageInitShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (
            requests: AsyncIterable<MessageShape<I>>,
            context: CallContext,
          ) => Promise<MessageInitShape<O>>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageShape<I>>,
              context: CallContext,
            ) => AsyncIterable<MessageInitShape<O>>
          : never;

/** All handlers of a service, by the method's name in camelCase. */
export type ServiceImplementation<S extends DescService> = {
  [K in keyof S["method"]]: MethodImplementation<S["method"][K]>;
};

/** A service with its handlers. A method without a handler answers UNIMPLEMENTED. */
export interface ServiceBinding {
  readonly service: DescService;
  readonly implementation: Readonly<Record<string, unknown>>;
}

/** Pairs a service with its handlers, checked against its descriptor. */
export function bind<S extends DescService>(
  service: S,
  implementation: Partial<ServiceImplementation<S>>,
): ServiceBinding {
  return { service, implementation };
}

/** Per-call options of a client. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds until DEADLINE_EXCEEDED; `Infinity` = no deadline. Default: the client's. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Caller's side of one method. Leaving the loop over an answer stream cancels the call. */
export type MethodClient<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageInitShape<I>, options?: CallOptions) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageInitShape<I>, options?: CallOptions) => AsyncIterable<MessageShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (
            requests: AsyncIterable<MessageInitShape<I>>,
            options?: CallOptions,
          ) => Promise<MessageShape<O>>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageInitShape<I>>,
              options?: CallOptions,
            ) => AsyncIterable<MessageShape<O>>
          : never;

/** All methods of a service, by name in camelCase. */
export type Client<S extends DescService> = {
  readonly [K in keyof S["method"]]: MethodClient<S["method"][K]>;
};
