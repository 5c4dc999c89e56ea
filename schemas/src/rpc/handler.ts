/** Our handlers as grpc-js wants them: one adapter for each of the four kinds of method. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type {
  sendUnaryData,
  Server,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall,
} from "@grpc/grpc-js";
import type { Readable } from "node:stream";
import { endIsFinal } from "./barrier.ts";
import type { CallTable } from "./call.ts";
import { decode, encode, identity, methodPath } from "./codec.ts";
import type { Limits } from "./limits.ts";
import type { CallContext, ServiceBinding } from "./service.ts";
import { receive, send } from "./stream.ts";

type Reply = (request: unknown, context: CallContext) => Promise<unknown>;
type StreamReply = (request: unknown, context: CallContext) => AsyncIterable<unknown>;

/** Adds the methods that have a handler; grpc-js answers UNIMPLEMENTED for the others. */
export function registerService(
  server: Server,
  { service, implementation }: ServiceBinding,
  calls: CallTable,
  limits: Limits,
): void {
  for (const method of service.methods) {
    const handler = implementation[method.localName];
    if (typeof handler !== "function") continue;
    const [type, adapted] = adapt(method, handler.bind(implementation), calls, limits);
    server.register(methodPath(method), adapted, identity, identity, type);
  }
}

function adapt(
  method: DescMethod,
  handler: (request: unknown, context: CallContext) => unknown,
  calls: CallTable,
  limits: Limits,
): [type: string, adapted: UntypedHandleCall] {
  const parse = (bytes: Buffer) => decode(method, method.input, bytes);
  const format = (message: unknown) => encode(method, method.output, message, limits.maxSendBytes);
  const noRequest = () => undefined;
  const receiveFrom = (call: Readable, { signal }: CallContext) =>
    receive<Message>(call, parse, signal, () => endIsFinal(call));
  const reply = async (request: unknown, context: CallContext) => {
    const answer = format(await (handler as Reply)(request, context));
    // The call may be over already: see CallTable.
    context.signal.throwIfAborted();
    return answer;
  };
  switch (method.methodKind) {
    case "unary":
      return [
        "unary",
        (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
          void calls.run(
            call,
            method,
            () => parse(call.request),
            async (request, context) => callback(null, await reply(request, context)),
            callback,
          ),
      ];
    case "client_streaming":
      return [
        "clientStream",
        (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
          void calls.run(
            call,
            method,
            noRequest,
            async (_, context) => {
              const requests = receiveFrom(call, context);
              callback(null, await reply(requests, context));
            },
            callback,
          ),
      ];
    case "server_streaming":
      return [
        "serverStream",
        (call: ServerWritableStream<Buffer, Buffer>) =>
          void calls.run(
            call,
            method,
            () => parse(call.request),
            async (request, context) => {
              await send(call, (handler as StreamReply)(request, context), format, context.signal);
              call.end();
            },
            (status) => call.emit("error", status),
          ),
      ];
    case "bidi_streaming":
      return [
        "bidi",
        (call: ServerDuplexStream<Buffer, Buffer>) =>
          void calls.run(
            call,
            method,
            noRequest,
            async (_, context) => {
              const requests = receiveFrom(call, context);
              await send(call, (handler as StreamReply)(requests, context), format, context.signal);
              call.end();
            },
            (status) => call.emit("error", status),
          ),
      ];
  }
}
