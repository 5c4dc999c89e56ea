/** Programs that a script runs, each with an end: a script that is told to end takes them along. */
import { spawn, type ChildProcess } from "node:child_process";

/** The program ended otherwise than by exit code 0; the message has its own words. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** `show`: on the terminal; `read`: given back; `quiet`: kept, and part of the error alone. */
  readonly output?: "show" | "read" | "quiet";
  /** Exit codes that are no failure; default 0 alone. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** It may ask something of the person at the terminal, and gets the terminal's Ctrl-C itself. */
  readonly terminal?: boolean;
}

export interface CommandResult {
  readonly exitCode: number;
  /** Empty where the output was shown. */
  readonly stdout: string;
}

/** Runs a program to its end. Throws CommandError, and the signal's reason where that ended it. */
export async function command(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { output = "quiet", accept = [0], signal, terminal = false } = options;
  signal?.throwIfAborted();
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [
      terminal ? "inherit" : "ignore",
      ...(output === "show" ? (["inherit", "inherit"] as const) : (["pipe", "pipe"] as const)),
    ],
    // In a group of its own it is told once to end, by us: a second time means "at once" to many programs.
    detached: !terminal,
  });
  const [stdout, stderr] = [collect(child, "stdout"), collect(child, "stderr")];
  const end = () => {
    if (!terminal && child.pid !== undefined) interrupt(child.pid);
  };
  signal?.addEventListener("abort", end, { once: true });
  const exitCode = await ended(child, file).finally(() =>
    signal?.removeEventListener("abort", end),
  );
  signal?.throwIfAborted();
  if (accept.includes(exitCode)) return { exitCode, stdout: stdout.text() };
  const words = `${stderr.text()}${stderr.text().trim() ? "" : stdout.text()}`.trim();
  throw new CommandError(
    `${[file, ...args].join(" ")} failed (exit code ${exitCode})${words ? `:\n${words}` : "."}`,
    exitCode,
  );
}

function interrupt(group: number): void {
  try {
    process.kill(-group, "SIGINT");
  } catch {
    // It has just ended.
  }
}

function collect(child: ChildProcess, name: "stdout" | "stderr"): { text(): string } {
  const chunks: Buffer[] = [];
  child[name]?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return { text: () => Buffer.concat(chunks).toString() };
}

function ended(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new CommandError(`${file} is not installed.`, 127) : error);
    });
    child.once("close", (code, signal) => resolve(code ?? (signal ? 128 : 1)));
  });
}
