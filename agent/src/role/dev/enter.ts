import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { readFileSync } from "node:fs";
import { identify, signalProcess, type ProcessIdentity } from "../../lib/process.ts";
import type { Anchor } from "./anchor.ts";

export interface EnterOptions extends SpawnOptions {
  /** Stay in the network that the caller is in, and see the caller's files. */
  readonly outsideNetwork?: boolean;
  /**
   * The command is to live on when the caller is gone. Default: from when it runs, it dies with the process that `enter`
   * answers.
   */
  readonly outlive?: boolean;
}

/**
 * The program and arguments that run a command inside the anchor's namespaces, as the user who is root there, in the
 * directory `cwd`. A PID namespace is only entered by a fork, so what is run waits for the command and passes on its
 * exit code; for a signal to the command itself see {@link commandOf}.
 */
export function enterCommand(
  anchor: Anchor,
  command: string,
  args: readonly string[],
  {
    cwd = process.cwd(),
    outsideNetwork = false,
    outlive = false,
  }: {
    readonly cwd?: string;
    readonly outsideNetwork?: boolean;
    readonly outlive?: boolean;
  } = {},
): readonly [string, readonly string[]] {
  const namespaces = [
    ...(anchor.mode === "user" ? ["--user"] : []),
    ...(outsideNetwork ? [] : ["--net", "--mount"]),
    "--pid",
  ];
  const bind = outlive ? [] : ["setpriv", "--pdeathsig", "KILL"];
  const entered = ["nsenter", "--target", String(anchor.pid), ...namespaces];
  // Entering a mount namespace leads to its root directory.
  const inside = ["sh", "-c", 'cd -- "$0" && exec "$@"', cwd, command, ...args];
  const [first, ...rest] = [
    ...bind,
    ...entered,
    "--preserve-credentials",
    "--",
    ...bind,
    ...inside,
  ];
  return [first!, rest];
}

/** Spawns a command inside the anchor. The child process is the one that waits for it. */
export function enter(
  anchor: Anchor,
  command: string,
  args: readonly string[] = [],
  { outsideNetwork = false, outlive = false, cwd, ...options }: EnterOptions = {},
): ChildProcess {
  const [file, fileArgs] = enterCommand(anchor, command, args, {
    outsideNetwork,
    outlive,
    ...(cwd !== undefined && { cwd: cwd.toString() }),
  });
  return spawn(file, fileArgs, options);
}

/** @returns the command that `child` waits for, by the pid that the outside knows; undefined before it runs and after. */
export function commandOf(child: ChildProcess): ProcessIdentity | undefined {
  if (child.pid === undefined) return undefined;
  try {
    const path = `/proc/${child.pid}/task/${child.pid}/children`;
    const [pid] = readFileSync(path, "utf8").trim().split(" ");
    return pid ? identify(Number(pid)) : undefined;
  } catch {
    return undefined;
  }
}

/** Sends a signal to the command itself, so that it may end in its own way. @returns whether it was there. */
export function signalCommand(child: ChildProcess, signal: NodeJS.Signals): boolean {
  const command = commandOf(child);
  return command !== undefined && signalProcess(command, signal);
}
