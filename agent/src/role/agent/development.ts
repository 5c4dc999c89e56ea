/**
 * The development agent from outside: its directory, its host inside namespaces, and the process in there. The process
 * may die and come back while its guests live; `down` ends them all.
 */
import { once } from "node:events";
import { chmod, mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { parseAddress } from "@lodge/schemas/rpc/address.ts";
import { asLodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { leaveToOwner, otherOwner } from "../../lib/owner.ts";
import { programPath } from "../../lib/program-path.ts";
import {
  findAnchor,
  startAnchor,
  stopAnchor,
  type Anchor,
  type AnchorMode,
} from "../dev/anchor.ts";
import { enter, signalCommand } from "../dev/enter.ts";
import { startOutbound, type Outbound } from "../dev/outbound.ts";
import { ensureCredentials } from "./credentials.ts";
import { openListener } from "./inherited-listener.ts";
import { turnLog } from "./log-file.ts";
import { makeDirectory } from "./make-directory.ts";
import { returnToOwner } from "./state-directory.ts";

/** Which development agent, and what it is to be like. */
export interface DevelopmentOptions {
  /** The agent's and its host's name, in its certificate. */
  readonly name: string;
  readonly directory: string;
  /** `HOST:PORT` of the machine, beside the unix socket. */
  readonly listen?: string;
  /** Directories that images may be copied from, beside the agent's own. */
  readonly imageRoots: readonly string[];
}

/** A development agent that serves. */
export interface Started {
  readonly mode: AnchorMode;
  /** Whether its host was there already, with its guests. */
  readonly returned: boolean;
  /** Why guests cannot reach the outside; absent where they can. */
  readonly withoutOutbound?: string;
  /** Where it listens: its unix socket, and `HOST:PORT` if it was asked to. */
  readonly endpoints: readonly string[];
  /** Resolves with the process's exit code; in the background it never does. */
  readonly ended: Promise<number>;
  /** Asks the process to end; guests live on. */
  readonly stop: () => void;
}

/** Where the process writes its log: to a stream as long as this process lives, or in the background to a file. */
export type LogTarget = { readonly stream: Writable } | { readonly file: string };

/** The directory of its own that a development agent takes images from. */
export function importDirectory(directory: string): string {
  return join(directory, "import");
}

/**
 * Starts a development agent, in the host that it had before if that still lives. Resolves once it serves.
 * `program` is what runs this executable. Throws AGENT_RUNNING, NAMESPACE_FORBIDDEN, ADDRESS_INVALID, PORT_UNAVAILABLE,
 * PROGRAM_MISSING.
 */
export async function startDevelopmentAgent(
  options: DevelopmentOptions,
  log: LogTarget,
  program: readonly string[],
): Promise<Started> {
  const { name, directory } = options;
  const { socket } = agentFiles(directory, name);
  if (Buffer.byteLength(socket) > maxSocketPath) throw tooLong(socket);
  await prepareDirectory(options);
  if (await answers(socket)) throw alreadyRuns(options);
  using listener = options.listen === undefined ? undefined : await openListener(options.listen);
  const returned = findAnchor(directory) !== undefined;
  const anchor = await startAnchor({ stateDir: directory, lifetime: "detached" });
  const wayOut = await outbound(anchor);
  const withoutOutbound = wayOut.available ? undefined : wayOut.reason;
  const background = "file" in log;
  await using file = background ? await openLog(log.file) : undefined;
  const [command, ...args] = [
    ...program,
    ...innerArguments(options, listener !== undefined, wayOut),
  ];
  const output = file?.fd ?? "pipe";
  const child = enter(anchor, command!, args, {
    stdio: ["ignore", output, output, "pipe", ...(listener ? [listener.fd] : [])],
    // Away from the terminal: Ctrl-C is for this process, which passes it on.
    detached: true,
    outlive: background,
    cwd: "/",
    env: {
      ...process.env,
      // An ordinary user's often lacks the directories where dnsmasq and nft are.
      PATH: programPath(process.env),
      // The C library gives pieces of this size back at once: what an upload goes through would stay resident.
      MALLOC_MMAP_THRESHOLD_: "16384",
    },
  });
  const ended = once(child, "exit").then(([code]) => (code as number | null) ?? 1);
  if ("stream" in log)
    for (const from of [child.stdout, child.stderr]) from?.pipe(log.stream, { end: false });
  const failed = ended.then(async (code) => {
    const said = background ? await tail(log.file, file!.size) : "";
    throw lodgeError("AGENT_FAILED", `The agent has ended at once (exit code ${code}).${said}`, {
      remedy: background ? `Its log is ${log.file}.` : "What it said stands above.",
    });
  });
  failed.catch(() => {});
  await Promise.race([saysReady(child.stdio[3] as Readable), failed]);
  if (background) child.unref();
  return {
    mode: anchor.mode,
    returned,
    ...(withoutOutbound !== undefined && { withoutOutbound }),
    endpoints: [`unix:${socket}`, ...(listener ? [listener.address] : [])],
    ended,
    stop: () => void signalCommand(child, "SIGTERM"),
  };
}

/** Gives the host a way out; a host without one is still a host. */
async function outbound(anchor: Anchor): Promise<Outbound> {
  try {
    return await startOutbound(anchor);
  } catch (error) {
    return { available: false, reason: asLodgeError(error).message };
  }
}

/** What {@link stopDevelopmentAgent} found. */
export interface Stopped {
  readonly wasRunning: boolean;
  readonly purged: boolean;
  /** Whether an agent's directory is there, now that it has ended. */
  readonly hasState: boolean;
}

/** Ends the host with all that is in it; with `purge` its disks, images and certificates go as well. Throws NOT_ALLOWED. */
export async function stopDevelopmentAgent(
  { name, directory }: Pick<DevelopmentOptions, "name" | "directory">,
  purge: boolean,
): Promise<Stopped> {
  const anchor = findAnchor(directory);
  if (anchor) await stopAnchor(anchor, directory);
  await rm(agentFiles(directory, name).socket, { force: true });
  const ours = await stat(join(directory, "agent.json")).catch(() => undefined);
  if (ours) await returnToOwner(directory);
  const purged = purge && ours !== undefined;
  if (purged) await removeDirectory(directory);
  return { wasRunning: anchor !== undefined, purged, hasState: !purged && ours !== undefined };
}

async function prepareDirectory({ name, directory, listen }: DevelopmentOptions): Promise<void> {
  await makeDirectory(directory);
  // Root starts it for somebody else where that user may not: the directory stays that user's.
  if (!(await otherOwner(directory))) await chmod(directory, 0o700);
  const record = join(directory, "agent.json");
  await writeFile(record, `${JSON.stringify({ name })}\n`);
  const made = await mkdir(importDirectory(directory), { recursive: true });
  for (const path of made === undefined ? [record] : [record, made]) {
    await leaveToOwner(path, directory);
  }
  const address = listen === undefined ? undefined : parseAddress(listen);
  const hosts = address && "host" in address ? [address.host] : [];
  await ensureCredentials({ directory, name, hosts });
}

function innerArguments(
  options: DevelopmentOptions,
  listens: boolean,
  outbound: Outbound,
): string[] {
  return [
    "agent",
    "--inside",
    `--name=${options.name}`,
    `--dir=${options.directory}`,
    ...options.imageRoots.map((root) => `--image-root=${root}`),
    "--ready-fd=3",
    ...(listens ? ["--listen-fd=4"] : []),
    outbound.available
      ? `--dns-server=${outbound.dnsServer}`
      : `--without-outbound=${outbound.reason}`,
  ];
}

/** Whether anybody accepts connections at the socket. */
async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** What the kernel takes as the path of a unix socket. */
const maxSocketPath = 107;

function tooLong(path: string) {
  return lodgeError("ADDRESS_INVALID", `${path} is too long for the path of a socket.`, {
    remedy: `Choose a directory with a shorter path with --dir: ${maxSocketPath} bytes are the limit.`,
  });
}

function alreadyRuns({ name, directory }: DevelopmentOptions) {
  return lodgeError(
    "AGENT_RUNNING",
    `The development agent ${name} runs already, in ${directory}.`,
    {
      name,
      remedy: "End it with `lodge agent --dev --down`, or start another one with --name.",
    },
  );
}

/** A long log of former times makes way. */
async function openLog(path: string) {
  const handle = await open(path, "a", 0o600);
  turnLog(path, handle.fd);
  await leaveToOwner(path, dirname(path));
  return {
    fd: handle.fd,
    size: (await handle.stat()).size,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function tail(path: string, from: number): Promise<string> {
  const log = await readFile(path);
  // It may have begun anew in the meantime.
  const text = log
    .subarray(from > log.length ? 0 : from)
    .toString()
    .trim();
  return text === "" ? "" : `\n${text.split("\n").slice(-10).join("\n")}`;
}

/** Resolves when the other side says so; one that ends without a word never does. */
async function saysReady(pipe: Readable): Promise<void> {
  for await (const chunk of pipe) {
    if (String(chunk).includes("ready")) return;
  }
  await new Promise(() => {});
}

async function removeDirectory(directory: string): Promise<void> {
  try {
    await rm(directory, { recursive: true, force: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause;
    throw lodgeError("NOT_ALLOWED", `${directory} holds files of another user.`, {
      remedy: "Run the same command with sudo.",
      cause,
    });
  }
}
