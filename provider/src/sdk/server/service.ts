/**
 * The service `tfplugin6.Provider`. Importing this loads neither zod nor the provider: that waits
 * for the first call which needs them, after the handshake.
 */

import type { Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { Diagnostic_Severity } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { CallContext, ServiceImplementation } from "@lodge/schemas/rpc/service.ts";
import type { ProviderDefinition } from "../provider.ts";
import {
  getFunctions,
  getMetadata,
  getProviderSchema,
  getResourceIdentitySchemas,
} from "./get-provider-schema.ts";
import type { OnError } from "./session.ts";
import { Session } from "./session.ts";
import type { Event, Handler, Request, Response, StreamHandler } from "./types.ts";

type Service = ServiceImplementation<typeof Provider>;
type Handlers = typeof import("./handlers.ts");
/** The methods that answer with a stream. */
type Streaming = "invokeAction" | "listResource";

/** The methods that this SDK implements; Terraform tolerates that the others are not. */
export type ProviderService = Pick<
  Service,
  | keyof Handlers
  | "getFunctions"
  | "getMetadata"
  | "getProviderSchema"
  | "getResourceIdentitySchemas"
  | "stopProvider"
> & {
  /** Resolves when everything is done that was to be done after answers. */
  settle?(): Promise<void>;
  /** Forgets what was to be done after answers: nobody has read them. */
  drop?(): void;
};

/** Options of {@link createProviderService}. */
export interface ServiceOptions {
  /** For the log; the user gets a diagnostic in any case. */
  readonly onError?: OnError;
}

/** What of a call's context is used. */
type Context = Pick<CallContext, "signal">;

/** The handlers of a provider, ready to be bound to `tfplugin6.Provider`. */
export function createProviderService(
  definition: ProviderDefinition,
  { onError = () => undefined }: ServiceOptions = {},
): ProviderService {
  const session = new Session(definition, onError);
  const lazy =
    <Method extends Exclude<keyof Handlers, Streaming>>(method: Method) =>
    async (request: Request<Method>, { signal }: Context): Promise<Response<Method>> => {
      const handlers = await import("./handlers.ts");
      const handler = handlers[method] as unknown as Handler<Method>;
      return handler(session, request, session.signal(signal));
    };
  const lazyStream = <Method extends Streaming>(method: Method) =>
    async function* (request: Request<Method>, { signal }: Context): AsyncGenerator<Event<Method>> {
      const handlers = await import("./handlers.ts");
      const handler = handlers[method] as unknown as StreamHandler<Method>;
      yield* handler(session, request, session.signal(signal));
    };
  const described = async <Answer extends object>(answer: Promise<Answer>) => {
    try {
      return await answer;
    } catch (error) {
      const type = `provider ${definition.name}`;
      onError(error, { verb: "describe", type });
      const detail = error instanceof Error ? error.message : String(error);
      const summary = `Unable to describe ${type}`;
      return { diagnostics: [{ severity: Diagnostic_Severity.ERROR, summary, detail }] };
    }
  };
  return {
    getProviderSchema: () => described(getProviderSchema(definition)),
    getMetadata: () => described(getMetadata(definition)),
    getFunctions: () => described(getFunctions(definition)),
    getResourceIdentitySchemas: () => described(getResourceIdentitySchemas(definition)),
    settle: () => session.afterwards.settle(),
    drop: () => session.afterwards.drop(),
    stopProvider: () => {
      session.stop();
      return Promise.resolve({});
    },
    applyResourceChange: lazy("applyResourceChange"),
    callFunction: lazy("callFunction"),
    closeEphemeralResource: lazy("closeEphemeralResource"),
    configureProvider: lazy("configureProvider"),
    generateResourceConfig: lazy("generateResourceConfig"),
    importResourceState: lazy("importResourceState"),
    invokeAction: lazyStream("invokeAction"),
    listResource: lazyStream("listResource"),
    moveResourceState: lazy("moveResourceState"),
    openEphemeralResource: lazy("openEphemeralResource"),
    planAction: lazy("planAction"),
    planResourceChange: lazy("planResourceChange"),
    readDataSource: lazy("readDataSource"),
    readResource: lazy("readResource"),
    renewEphemeralResource: lazy("renewEphemeralResource"),
    upgradeResourceIdentity: lazy("upgradeResourceIdentity"),
    upgradeResourceState: lazy("upgradeResourceState"),
    validateActionConfig: lazy("validateActionConfig"),
    validateDataResourceConfig: lazy("validateDataResourceConfig"),
    validateEphemeralResourceConfig: lazy("validateEphemeralResourceConfig"),
    validateListResourceConfig: lazy("validateListResourceConfig"),
    validateProviderConfig: lazy("validateProviderConfig"),
    validateResourceConfig: lazy("validateResourceConfig"),
  };
}
