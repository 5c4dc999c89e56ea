/** Interceptors are functions around a call. They see its life, not its messages: who calls, what, how it ends. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { CallContext } from "./service.ts";

/**
 * Runs around a handler: check before `next()`, measure after it. What it throws is the call's end, as if the handler
 * had thrown it. A streaming call is over when `next()` settles.
 */
export type ServerInterceptor = (
  context: CallContext,
  next: () => Promise<void>,
  request: Message | undefined,
) => Promise<void>;

/** A call as its client's interceptors see it, before it goes out. */
export interface OutgoingCall {
  readonly method: DescMethod;
  /** What will be sent; interceptors may add to it. */
  readonly headers: Map<string, string>;
  readonly signal: AbortSignal | undefined;
}

/** Runs around a call of a client. What it throws is what the caller sees. */
export type ClientInterceptor = (call: OutgoingCall, next: () => Promise<void>) => Promise<void>;

/** Runs `body` inside `interceptors`, the first of them outermost. */
export function around(
  interceptors: readonly ((next: () => Promise<void>) => Promise<void>)[],
  body: () => Promise<void>,
): Promise<void> {
  return interceptors.reduceRight<() => Promise<void>>(
    (next, interceptor) => () => interceptor(next),
    body,
  )();
}
