/** A process's streams for commands that run inside a test. */
import { run } from "@lodge/agent/cli/run.ts";
import type { Io } from "@lodge/agent/cli/io.ts";
import { clientCommands } from "@lodge/agent/cli/commands.ts";
import type { Entry } from "@lodge/agent/cli/command.ts";
import { once } from "node:events";
import { PassThrough } from "node:stream";

/** A command that runs. */
export interface Running {
  readonly stdin: PassThrough & { isTTY?: boolean; raw?: boolean };
  /** What it has printed so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves as soon as standard output (or `stderr`) holds `text`. */
  readonly printed: (text: string | RegExp, where?: "stdout" | "stderr") => Promise<void>;
  /** Ctrl-C. */
  readonly interrupt: () => void;
  readonly exitCode: Promise<number>;
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly commands?: readonly Entry[];
}

/** Starts `lodge ARGS` in this process. */
export function start(args: readonly string[], options: TerminalOptions = {}): Running {
  const interrupted = new AbortController();
  const [stdin, stdout, stderr] = [input(options.tty), output(options.tty), output(options.tty)];
  const io: Io = {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: options.env ?? {},
    signal: interrupted.signal,
  };
  return {
    stdin,
    stdout: stdout.text,
    stderr: stderr.text,
    printed: async (text, where = "stdout") => {
      const { stream, text: now } = where === "stdout" ? stdout : stderr;
      const there = () => (typeof text === "string" ? now().includes(text) : text.test(now()));
      while (!there()) await once(stream, "data");
    },
    interrupt: () => interrupted.abort(),
    exitCode: run(args, options.commands ?? clientCommands, io),
  };
}

/** Runs `lodge ARGS` in this process to its end. */
export async function lodge(args: readonly string[], options: TerminalOptions = {}) {
  const running = start(args, options);
  const exitCode = await running.exitCode;
  return { exitCode, stdout: running.stdout(), stderr: running.stderr() };
}

function input(tty = false) {
  const stream = new PassThrough() as PassThrough & { isTTY?: boolean; raw?: boolean };
  return Object.assign(stream, {
    isTTY: tty,
    setRawMode(mode: boolean) {
      stream.raw = mode;
    },
  });
}

function output(tty = false) {
  const stream = Object.assign(new PassThrough(), { isTTY: tty });
  let seen = "";
  stream.on("data", (chunk: Buffer) => (seen += chunk.toString()));
  return { stream, text: () => seen };
}
