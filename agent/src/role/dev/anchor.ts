/**
 * A development host: a process that holds a user, network, mount and PID namespace. Everything that an agent makes
 * lives inside and vanishes with it, so nothing of the machine is touched; several of them are several hosts.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { identify, isAlive, signalProcess, type ProcessIdentity } from "../../lib/process.ts";
import { anchorRecord } from "./anchor-record.ts";
import { anchorScript } from "./anchor-script.ts";
import { explainObstacle } from "./obstacle.ts";

/** How the anchor's namespaces came about: `user` needs no rights, `root` is root's own, without a user namespace. */
export type AnchorMode = "user" | "root";

/** A development host that lives. Its pid is that of its PID 1, as the outside knows it. */
export interface Anchor extends ProcessIdentity {
  readonly mode: AnchorMode;
  /** The run directory, as the inside knows it: on a file system of the anchor's own, which the outside does not see. */
  readonly runDir: string;
}

export interface StartAnchorOptions {
  /** A path inside the anchor, made there; default `/run/lodge`. What the outside must reach belongs into `stateDir`. */
  readonly runDir?: string;
  /** Where a detached anchor is recorded. It is the same directory inside and outside. */
  readonly stateDir?: string;
  /** `parent`: it ends with the process that started it, however that ends. `detached`: with `stopAnchor` alone. */
  readonly lifetime: "detached" | "parent";
  /** Default: `user` where that works, else, for root, `root`. */
  readonly mode?: AnchorMode;
}

/**
 * Starts a development host, or answers the one that is recorded under `stateDir` and lives.
 * Throws FAILED_PRECONDITION (reason NAMESPACE_FORBIDDEN) with what the machine forbids and what helps.
 */
export async function startAnchor(options: StartAnchorOptions): Promise<Anchor> {
  const { lifetime, stateDir } = options;
  if (lifetime === "detached" && stateDir === undefined) {
    throw new TypeError("a detached anchor needs a state directory to be recorded in");
  }
  const living = lifetime === "detached" ? findAnchor(stateDir!) : undefined;
  if (living) return living;

  const modes: readonly AnchorMode[] =
    options.mode !== undefined
      ? [options.mode]
      : process.getuid?.() === 0
        ? ["user", "root"]
        : ["user"];
  const errors: unknown[] = [];
  for (const mode of modes) {
    try {
      return await startIn(mode, options);
    } catch (error) {
      errors.push(error);
    }
  }
  throw errors.at(-1);
}

/** @returns the detached anchor that is recorded under `stateDir`, where it lives. */
export function findAnchor(stateDir: string): Anchor | undefined {
  const anchor = anchorRecord.read(stateDir);
  return anchor && isAlive(anchor) ? anchor : undefined;
}

/** Ends the anchor and everything inside, and waits for that; one that has ended is success. */
export async function stopAnchor(anchor: Anchor, stateDir?: string): Promise<void> {
  try {
    signalProcess(anchor, "SIGKILL");
  } catch (error) {
    throw lodgeError("NOT_ALLOWED", "The development host was started by another user.", {
      remedy: "Run the same command as that user, or with sudo.",
      cause: error,
    });
  }
  // The kernel lets PID 1 of a namespace end only after everything else inside has ended.
  while (isAlive(anchor)) await sleep(5);
  if (stateDir !== undefined) anchorRecord.remove(stateDir, anchor);
}

async function startIn(
  mode: AnchorMode,
  { runDir = "/run/lodge", stateDir, lifetime }: StartAnchorOptions,
): Promise<Anchor> {
  const state = stateDir === undefined ? "" : realpathSync(stateDir);
  const child = spawnUnshare(mode, lifetime, [runDir, state]);
  const words = collect(child);
  try {
    const pid = await readiness(child, words, mode);
    const identity = identify(pid);
    if (!identity) throw explainObstacle("ready", await words, mode === "root");
    const anchor: Anchor = { ...identity, mode, runDir };
    letGo(child);
    if (lifetime === "parent") {
      child.stdin!.write("hold\n");
      return anchor;
    }
    // Only an anchor that is on record may outlive this process.
    const first = anchorRecord.write(stateDir!, anchor);
    if (first) {
      child.stdin!.end("keep\n");
      return anchor;
    }
    child.stdin!.destroy();
    const other = findAnchor(stateDir!);
    if (!other) throw lodgeError("INTERNAL", "Two development hosts were started at once.");
    return other;
  } catch (error) {
    child.stdin!.destroy();
    child.kill("SIGKILL");
    throw error;
  }
}

/**
 * A user namespace of root's keeps every user, so that root reads a checkout that is another user's; that map is
 * written from outside, hence the wait. Others get the one user that the kernel allows them.
 */
function spawnUnshare(
  mode: AnchorMode,
  lifetime: "detached" | "parent",
  args: readonly string[],
): ChildProcess {
  const inner = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
  const root = process.getuid?.() === 0;
  const outer =
    mode === "root"
      ? []
      : root
        ? ["--user", "sh", "-c", 'echo map && read -r go && exec "$@"', "sh", "unshare"]
        : ["--user", "--map-root-user"];
  return spawn("unshare", [...outer, ...inner, "sh", "-c", anchorScript, "sh", ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    // A terminal's Ctrl-C is for the one who looks on, not for the host.
    detached: lifetime === "detached",
    cwd: "/",
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin` },
  });
}

function mapEveryUser(pid: number): void {
  for (const kind of ["uid_map", "gid_map"]) {
    const own = readFileSync(`/proc/self/${kind}`, "utf8").trim().split("\n");
    const map = own.map((line) => {
      const [inside, , count] = line.trim().split(/\s+/);
      return `${inside} ${inside} ${count}\n`;
    });
    writeFileSync(`/proc/${pid}/${kind}`, map.join(""));
  }
}

/** @returns the pid that the anchor gives as its own. */
async function readiness(
  child: ChildProcess,
  words: Promise<string>,
  mode: AnchorMode,
): Promise<number> {
  let step = "unshare";
  const failed = once(child, "error").then(([error]: unknown[]) => {
    throw (error as NodeJS.ErrnoException).code === "ENOENT"
      ? lodgeError("PROGRAM_MISSING", "unshare is not installed", {
          name: "unshare",
          remedy: "Install util-linux.",
        })
      : error;
  });
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stdout! })) {
      const [word, value] = line.split(" ");
      if (word === "step" && value) step = value;
      if (word === "map") {
        mapEveryUser(child.pid!);
        child.stdin!.write("go\n");
      }
      if (word === "ready") return Number(value);
    }
    throw explainObstacle(step, await words, mode === "root");
  })();
  return await Promise.race([ready, failed]);
}

async function collect(child: ChildProcess): Promise<string> {
  let text = "";
  child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(child.stderr!, "close");
  return text;
}

/** The anchor is no reason for this process to live on; when it ends, the pipe to the anchor's standard input closes. */
function letGo(child: ChildProcess): void {
  child.unref();
  child.stdout!.destroy();
  child.stderr!.destroy();
  (child.stdin as Socket).on("error", () => undefined).unref();
}
