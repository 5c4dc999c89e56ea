import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { execa, type Options } from "execa";

/** How a program is run. Arguments are an array, never a shell's line. */
export interface ExecOptions {
  readonly signal?: AbortSignal;
  /** Written to its standard input. */
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are no failure; default 0 alone. */
  readonly accept?: readonly number[];
  /** Milliseconds until it is killed; default a minute. */
  readonly timeout?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end. Throws INTERNAL (reason COMMAND_FAILED) with the program's own words, FAILED_PRECONDITION (reason
 * PROGRAM_MISSING) where it is not installed, and the signal's reason where that aborted it.
 */
export async function exec(
  file: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { signal, accept = [0], timeout = 60_000, ...rest } = options;
  const result = await execa(file, args, {
    ...rest,
    timeout,
    ...(signal && { cancelSignal: signal }),
    reject: false,
    stripFinalNewline: false,
    stdin: options.input === undefined ? "ignore" : "pipe",
  } satisfies Options);
  signal?.throwIfAborted();
  const { exitCode, stdout, stderr } = result;
  if (exitCode !== undefined && accept.includes(exitCode)) return { exitCode, stdout, stderr };
  if (result.code === "ENOENT") {
    throw lodgeError("PROGRAM_MISSING", `${file} is not installed`, {
      name: file,
      remedy: `Install the package that has ${file}.`,
      cause: result,
    });
  }
  const words = (stderr || stdout || result.shortMessage || "").trim();
  throw lodgeError("COMMAND_FAILED", `${file} ${args[0] ?? ""} failed: ${words}`, {
    cause: result,
  });
}
