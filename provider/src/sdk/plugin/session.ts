/** What is loaded once Terraform knows where to connect: gRPC, protobuf, and go-plugin's services. */
import { setTimeout as sleep } from "node:timers/promises";
import { Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { pluginLimits } from "@lodge/schemas/rpc/limits.ts";
import type { Listener } from "@lodge/schemas/rpc/listener.ts";
import { createServer, type Server } from "@lodge/schemas/rpc/server.ts";
import { bind, type CallContext, type ServiceImplementation } from "@lodge/schemas/rpc/service.ts";
import type { ServerTls } from "@lodge/schemas/rpc/tls.ts";
import { brokerService } from "./broker.ts";
import { controllerService } from "./controller.ts";
import { healthService } from "./health.ts";
import { lazyImplementation } from "./lazy.ts";
import { stdioService } from "./stdio.ts";

/** The handlers of a provider, and what it wants to hear of its end. */
export type LoadedProvider = Partial<ServiceImplementation<typeof Provider>> & {
  /** Does what is left to do, before the process ends as Terraform wishes. */
  readonly settle?: () => Promise<void>;
  /** Terraform has died. */
  readonly drop?: () => void;
};

/** Milliseconds that a provider has for what is left to do: Terraform waits for the answer without a limit. */
const settleMs = 1000;

/** What a session is told, and whom it tells. */
export interface SessionOptions {
  /** Absent = plaintext. */
  readonly tls: ServerTls | undefined;
  readonly load: () => Promise<LoadedProvider>;
  /** The client has asked us to end. */
  readonly onShutdown: () => void;
  /** The client's stream has ended. */
  readonly onClientGone: () => void;
  readonly onError: (error: LodgeError, context: CallContext) => void;
  readonly onRefused: (reason: string) => void;
}

/** Serves the plugin's services on a socket that listens already, and begins to load the provider. */
export function startSession(listener: Listener, options: SessionOptions): Server {
  const loaded = options.load();
  // A call that waits would turn this into an answer; a provider that cannot be loaded must say so as a crash.
  loaded.catch((error: unknown) => {
    process.nextTick(() => {
      throw error;
    });
  });
  const server = createServer({
    limits: pluginLimits,
    services: [
      bind(Provider, lazyImplementation(Provider, loaded)),
      controllerService(async () => {
        const settled = loaded.then((provider) => provider.settle?.());
        await Promise.race([settled, sleep(settleMs, undefined, { ref: false })]);
        options.onShutdown();
      }),
      stdioService(() => {
        void loaded.then((provider) => provider.drop?.());
        options.onClientGone();
      }),
      brokerService(),
      healthService(),
    ],
    onError: options.onError,
    onRefused: options.onRefused,
  });
  server.serve(listener, options.tls ?? "plaintext");
  return server;
}
