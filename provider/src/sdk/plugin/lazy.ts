import type { DescService } from "@bufbuild/protobuf";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CallContext, ServiceImplementation } from "@lodge/schemas/rpc/service.ts";

type Handler = (request: unknown, context: CallContext) => unknown;

/**
 * @returns handlers that wait for the real ones. Calls that come before these are loaded are answered when they are.
 */
export function lazyImplementation<S extends DescService>(
  service: S,
  loaded: Promise<Partial<ServiceImplementation<S>>>,
): ServiceImplementation<S> {
  const handlers = service.methods.map((method): [string, unknown] => {
    const name = method.localName;
    const real = async () => {
      const handler = ((await loaded) as Record<string, Handler | undefined>)[name];
      if (handler) return handler;
      throw lodgeError("METHOD_UNKNOWN", `The provider does not implement ${method.name}.`);
    };
    const answersOnce = method.methodKind === "unary" || method.methodKind === "client_streaming";
    if (answersOnce) {
      return [
        name,
        async (request: unknown, context: CallContext) => (await real())(request, context),
      ];
    }
    return [
      name,
      async function* (request: unknown, context: CallContext) {
        yield* (await real())(request, context) as AsyncIterable<unknown>;
      },
    ];
  });
  return Object.fromEntries(handlers) as ServiceImplementation<S>;
}
