/**
 * The provider's side of go-plugin. Terraform starts a process several times in every command, so the order here is the
 * point: the line that it waits for is printed before anything but sockets and one key pair has been loaded.
 */
import { writeStdout } from "./stdout.ts";
import { writeSync } from "node:fs";
import { listen } from "@lodge/schemas/rpc/listener.ts";
import type { Server } from "@lodge/schemas/rpc/server.ts";
import { crashOnUncaught } from "./crash.ts";
import {
  formatHandshake,
  isStartedByTerraform,
  notForPeople,
  type Environment,
} from "./handshake.ts";
import { Lifetime } from "./lifetime.ts";
import type { Log } from "./log.ts";
import { openLog } from "./log-level.ts";
import type { LoadedProvider } from "./session.ts";
import { pluginSecurity, type PluginSecurity } from "./mtls.ts";
import { formatReattach, isReattachMode } from "./reattach.ts";
import {
  removeSocket,
  restrictSocket,
  socketDirectory,
  socketPath,
  sweepSockets,
} from "./socket.ts";

/** A provider as its executable knows it before it is loaded. */
export interface Plugin {
  /** Its address in a registry, such as `registry.terraform.io/lodge/lodge`; the last part is its name. */
  readonly address: string;
  /** Loads the handlers. Called once, right after Terraform has been told where to connect. */
  readonly load: (log: Log) => Promise<LoadedProvider>;
  /** Milliseconds without any connection after which the process ends. Default: a minute. */
  readonly lonelyMs?: number;
}

/**
 * Serves `plugin` as Terraform wants it, or in debug mode as the argument `-debug` asks. Ends the process when its time
 * has come: with status 0, with 1 if it was not started as it must be, with 2 after a bug.
 */
export async function serve(plugin: Plugin): Promise<void> {
  // Until there is more to it: see Lifetime.
  process.on("SIGINT", () => {});
  const env = process.env as Environment;
  const reattach = isReattachMode(process.argv);
  if (!reattach && !isStartedByTerraform(env)) refuse(notForPeople);
  const path = socketPath(env);
  crashOnUncaught(() => removeSocket(path));
  const security = securityOf(env, reattach);
  const listener = await listen({ path }).catch((error: Error) =>
    refuse(`The provider cannot listen on ${path}: ${error.message}\n`),
  );
  restrictSocket(path, env);

  let server: Server | undefined;
  const lifetime = new Lifetime({
    reattach,
    lonelyMs: plugin.lonelyMs,
    close: async () => {
      await listener.close();
      await server?.finish(500);
    },
    connections: () => server?.connections ?? 0,
    cleanUp: () => removeSocket(path),
  });
  writeStdout(
    reattach
      ? formatReattach(plugin.address, path, process.pid)
      : formatHandshake({ socket: path, certificate: security.certificate?.der }, env),
  );

  const { startSession } = await import("./session.ts");
  const log = await openLog(process.env, plugin.address.split("/").at(-1) ?? plugin.address);
  server = startSession(listener, {
    tls: security.tls,
    load: () => plugin.load(log),
    onShutdown: () => lifetime.end(),
    onClientGone: () => lifetime.clientGone(),
    onError: (error, { method }) => {
      // Every process ends with streams open.
      const level = error.is("SERVER_CLOSING") ? "debug" : "error";
      log[level](error.message, {
        call: method.name,
        code: error.code,
        cause: error.cause instanceof Error ? error.cause.stack : undefined,
      });
    },
    onRefused: (reason) => log.warn(`A client was refused: ${reason}.`),
  });
  await sweepSockets(socketDirectory(env));
}

function securityOf(env: Environment, reattach: boolean): PluginSecurity {
  if (reattach) return { tls: undefined, certificate: undefined };
  try {
    return pluginSecurity(env);
  } catch (error) {
    return refuse(`The provider cannot start: ${(error as Error).message}.\n`);
  }
}

function refuse(text: string): never {
  writeSync(2, text);
  process.exit(1);
}
