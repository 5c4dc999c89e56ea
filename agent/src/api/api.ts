/** The agent's side of the wire: services over a core, with who may call what, and a log of what failed. */
import type { LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { ServerOptions } from "@lodge/schemas/rpc/server.ts";
import type { CallContext } from "@lodge/schemas/rpc/service.ts";
import type { Core } from "../core/agent.ts";
import type { Log } from "../lib/log.ts";
import { authorization } from "./authorize.ts";
import { hostService, type Capability } from "./host.ts";
import { imageService } from "./image.ts";
import { objectService } from "./object.ts";
import type { Refusals } from "./refusals.ts";
import { Runs } from "./runs.ts";
import { vmService } from "./vm.ts";

export interface ApiOptions {
  readonly core: Core;
  readonly log: Log;
  /** What the host can do beside what its hypervisor says. */
  readonly capabilities?: readonly Capability[];
  /** Who is told of clients that were refused; default nobody. */
  readonly refusals?: Pick<Refusals, "refused">;
}

/** What a server is made of to be this agent's. */
export type Api = Required<
  Pick<ServerOptions, "services" | "interceptors" | "onError" | "onRefused">
>;

/** Everything that a server needs to answer for a core. */
export function createApi({ core, log, capabilities = [], refusals }: ApiOptions): Api {
  return {
    services: [
      hostService(core, log, capabilities),
      objectService(core, log, "network"),
      objectService(core, log, "address_pool"),
      imageService(core, log),
      objectService(core, log, "disk"),
      vmService(core, log),
    ],
    interceptors: [authorization(new Runs())],
    onError: (error, context) => logError(log, error, context),
    onRefused: (reason, address) => refusals?.refused(reason, address),
  };
}

/** Faults of ours with their cause; what a client did wrong is that client's to read. */
function logError(log: Log, error: LodgeError, { method, peer }: CallContext): void {
  const fields = {
    method: `${method.parent.typeName}/${method.name}`,
    peer: peer.address,
    code: error.code,
    reason: error.reason,
  };
  if (error.code === "INTERNAL" || error.code === "DATA_LOSS") {
    log.error({ ...fields, error: error.cause ?? error }, "a call failed");
  } else if (error.code === "UNAUTHENTICATED" || error.code === "PERMISSION_DENIED") {
    log.warn({ ...fields, message: error.message }, "a call was refused");
  } else log.debug({ ...fields, message: error.message }, "a call was answered with an error");
}
