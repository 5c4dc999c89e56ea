/** The agent's process: it takes the host over, serves until it is told to end, and lets the guests be. */
import { once } from "node:events";
import { closeSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { createServer } from "@lodge/schemas/rpc/server.ts";
import { version } from "@lodge/schemas/version.ts";
import type { Capability } from "../../api/host.ts";
import { systemClock } from "../../lib/clock.ts";
import { paths } from "../../lib/layout.ts";
import type { Log } from "../../lib/log.ts";
import { leaveToOwner } from "../../lib/owner.ts";
import { compose } from "./compose.ts";
import { serverIdentity } from "./credentials.ts";
import { importDirectory } from "./development.ts";
import { keepCredentials } from "./keep-credentials.ts";
import { failpointHook, failpointVariable } from "./failpoint.ts";
import { inheritListener } from "./inherited-listener.ts";
import { singleInstance } from "./single-instance.ts";
import { stateLayout } from "./state-directory.ts";
import { surviveRejections } from "./survive-rejections.ts";

/** What the process is told by the one that starts it. */
export interface ServeOptions {
  readonly name: string;
  readonly directory: string;
  readonly imageRoots: readonly string[];
  /** An open file that is told `ready` and closed once the agent serves. */
  readonly readyFd?: number;
  /** A TCP socket that listens already. */
  readonly listenFd?: number;
  /** Why guests cannot reach the outside; absent where they can. */
  readonly withoutOutbound?: string;
  /** A DNS server that guests can reach. */
  readonly dnsServer?: string;
}

/** Where what may vanish with the host is: on a file system of the host's own. */
const runDir = "/run/lodge";

/** Serves until the signal aborts. Throws AGENT_RUNNING, and whatever keeps it from beginning. */
export async function serve(options: ServeOptions, log: Log, signal: AbortSignal): Promise<void> {
  const { name, directory, readyFd, listenFd } = options;
  using _survival = surviveRejections(log);
  await using _single = await singleInstance();
  log.info({ name, directory, version }, "the agent starts");
  const identity = await serverIdentity(directory, name);
  const { socket } = agentFiles(directory, name);
  await using agent = await compose({
    name,
    layout: await stateLayout(directory, runDir),
    storePath: paths.store({ stateDir: directory, runDir }),
    imageRoots: [importDirectory(directory), ...options.imageRoots],
    capabilities: [outbound(options)],
    dnsServers: options.dnsServer === undefined ? [] : [options.dnsServer],
    log,
    onStep: failpointHook(process.env[failpointVariable]),
  });
  await using server = createServer(agent.api);
  // Nobody else listens there: that was made sure of, so a file is a dead agent's.
  await rm(socket, { force: true });
  await server.listen(`unix:${socket}`, identity);
  await leaveToOwner(socket, directory);
  if (listenFd !== undefined) server.serve(await inheritListener(listenFd), identity);
  using _credentials = keepCredentials({
    directory,
    name,
    identity,
    onRenewed: (renewed) => server.renew(renewed),
    clock: systemClock,
    log,
  });
  log.info({ socket }, "the agent serves");
  // Clients need not wait for guests to be found again: wishes are taken at once.
  const failed = Promise.withResolvers<never>();
  agent.start().catch(failed.reject);
  if (readyFd !== undefined) {
    writeSync(readyFd, "ready\n");
    closeSync(readyFd);
  }
  if (!signal.aborted) await Promise.race([once(signal, "abort"), failed.promise]);
  log.info({}, "the agent ends; guests run on");
}

function outbound({ withoutOutbound }: ServeOptions): Capability {
  return {
    name: "outbound",
    available: withoutOutbound === undefined,
    reason:
      withoutOutbound ?? "guests reach the outside through the sockets of a program of the user's",
  };
}
