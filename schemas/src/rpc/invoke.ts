/** Calls of a client, as grpc-js makes them: one adapter for each of the four kinds of method. */
import type { DescMethod } from "@bufbuild/protobuf";
import { Metadata, type CallOptions as GrpcOptions, type ServiceError } from "@grpc/grpc-js";
import type { Transport } from "./client.ts";
import { decode, encode, identity, methodPath } from "./codec.ts";
import { clientError } from "./client-error.ts";
import { around, type OutgoingCall } from "./interceptor.ts";
import type { CallOptions } from "./service.ts";
import { receive, send } from "./stream.ts";

/** The longest time that gRPC and Node's timers can count, 24 days; more is no deadline. */
const maxTimeoutMs = 2 ** 31 - 1;

interface Cancellable {
  cancel(): void;
}

/** One call, from its options to its end. */
class Call implements OutgoingCall {
  readonly method: DescMethod;
  readonly headers: Map<string, string>;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly transport: Transport;

  constructor(method: DescMethod, transport: Transport, options: CallOptions) {
    this.method = method;
    this.transport = transport;
    this.headers = new Map(Object.entries(options.headers ?? {}));
    this.signal = options.signal;
    const answersOnce = method.methodKind === "unary" || method.methodKind === "client_streaming";
    this.timeoutMs = options.timeoutMs ?? (answersOnce ? transport.timeoutMs : Infinity);
  }

  get grpc() {
    return this.transport.channel.grpc;
  }

  encode(message: unknown): Buffer {
    return encode(this.method, this.method.input, message, this.transport.limits.maxSendBytes);
  }

  decode(bytes: Buffer) {
    return decode(this.method, this.method.output, bytes);
  }

  /** Arguments that grpc-js wants, from what the interceptors have left. */
  start(): [path: string, metadata: Metadata, options: GrpcOptions] {
    this.signal?.throwIfAborted();
    const metadata = new Metadata();
    for (const [name, value] of this.headers) metadata.set(name, value);
    const deadline = this.timeoutMs > maxTimeoutMs ? Infinity : Date.now() + this.timeoutMs;
    return [methodPath(this.method), metadata, { deadline }];
  }

  /** Cancels `call` with the caller's signal or the transport; the returned function lets go of both. */
  cancelWith(call: Cancellable): () => void {
    const signals = [this.signal, this.transport.channel.closed].filter(
      (signal) => signal !== undefined,
    );
    const cancel = () => call.cancel();
    for (const signal of signals) signal.addEventListener("abort", cancel, { once: true });
    return () => {
      for (const signal of signals) signal.removeEventListener("abort", cancel);
    };
  }

  /** Runs `body` inside the interceptors; whatever is thrown becomes our error. */
  async run(body: () => Promise<void>): Promise<void> {
    const interceptors = this.transport.interceptors.map(
      (interceptor) => (next: () => Promise<void>) => interceptor(this, next),
    );
    try {
      await around(interceptors, async () => {
        try {
          await body();
        } catch (thrown) {
          throw await clientError(thrown, this);
        }
      });
    } catch (thrown) {
      throw await clientError(thrown, this);
    }
  }
}

/** @returns the function that a client offers for `method`. */
export function callMethod(method: DescMethod, transport: Transport): unknown {
  switch (method.methodKind) {
    case "unary":
      return (request: unknown, options: CallOptions = {}) =>
        unary(new Call(method, transport, options), request);
    case "client_streaming":
      return (requests: AsyncIterable<unknown>, options: CallOptions = {}) =>
        clientStreaming(new Call(method, transport, options), requests);
    case "server_streaming":
      return (request: unknown, options: CallOptions = {}) =>
        serverStreaming(new Call(method, transport, options), request);
    case "bidi_streaming":
      return (requests: AsyncIterable<unknown>, options: CallOptions = {}) =>
        bidiStreaming(new Call(method, transport, options), requests);
  }
}

async function unary(call: Call, request: unknown): Promise<unknown> {
  let answer: unknown;
  await call.run(async () => {
    const bytes = call.encode(request);
    const [path, metadata, options] = call.start();
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const running = call.grpc.makeUnaryRequest(
      path,
      identity,
      identity,
      bytes,
      metadata,
      options,
      (error: ServiceError | null, value?: Buffer) =>
        error ? reject(error) : resolve(value as Buffer),
    );
    const release = call.cancelWith(running);
    answer = call.decode(await promise.finally(release));
  });
  return answer;
}

async function clientStreaming(call: Call, requests: AsyncIterable<unknown>): Promise<unknown> {
  let answer: unknown;
  await call.run(async () => {
    const [path, metadata, options] = call.start();
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const over = new AbortController();
    const running = call.grpc.makeClientStreamRequest(
      path,
      identity,
      identity,
      metadata,
      options,
      (error: ServiceError | null, value?: Buffer) => {
        if (error) reject(error);
        else resolve(value as Buffer);
        over.abort();
      },
    );
    running.on("error", () => {});
    const release = call.cancelWith(running);
    try {
      const sent = upload(running, requests, call, over.signal).catch((thrown: unknown) => {
        reject(thrown);
        running.cancel();
      });
      const bytes = await promise;
      await sent;
      answer = call.decode(bytes);
    } finally {
      release();
    }
  });
  return answer;
}

function serverStreaming(call: Call, request: unknown): AsyncIterable<unknown> {
  return answers(call, async function* () {
    const bytes = call.encode(request);
    const [path, metadata, options] = call.start();
    const running = call.grpc.makeServerStreamRequest(
      path,
      identity,
      identity,
      bytes,
      metadata,
      options,
    );
    running.on("error", () => {});
    const release = call.cancelWith(running);
    try {
      yield* receive(running, (message) => call.decode(message));
    } finally {
      release();
      running.cancel();
    }
  });
}

function bidiStreaming(call: Call, requests: AsyncIterable<unknown>): AsyncIterable<unknown> {
  return answers(call, async function* () {
    const [path, metadata, options] = call.start();
    const running = call.grpc.makeBidiStreamRequest(path, identity, identity, metadata, options);
    running.on("error", () => {});
    const over = new AbortController();
    const release = call.cancelWith(running);
    // A source that fails fails the whole call.
    let failure: { thrown: unknown } | undefined;
    const sent = upload(running, requests, call, over.signal).catch((thrown: unknown) => {
      failure = { thrown };
      running.cancel();
    });
    try {
      yield* receive(running, (message) => call.decode(message));
    } catch (thrown) {
      throw failure ? failure.thrown : thrown;
    } finally {
      over.abort();
      release();
      running.cancel();
      await sent;
    }
  });
}

/** Sends the requests, then says that there are no more. Stops quietly once the call is over. */
async function upload(
  running: import("node:stream").Writable,
  requests: AsyncIterable<unknown>,
  call: Call,
  over: AbortSignal,
): Promise<void> {
  try {
    await send(running, requests, (message) => call.encode(message), over);
    running.end();
  } catch (thrown) {
    if (!over.aborted) throw thrown;
  }
}

/**
 * An answer stream inside the interceptors, which run as long as it does: they are let in at the first `next()`, and
 * come back out at its end, or when the consumer leaves.
 */
async function* answers(call: Call, open: () => AsyncGenerator): AsyncGenerator {
  const entered = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  const finished = call.run(() => {
    entered.resolve();
    return over.promise;
  });
  // Interceptors that refuse the call never enter it.
  finished.catch(() => {});
  await Promise.race([entered.promise, finished]);
  try {
    yield* open();
    over.resolve();
  } catch (thrown) {
    over.reject(thrown);
  } finally {
    over.resolve();
    await finished;
  }
}
