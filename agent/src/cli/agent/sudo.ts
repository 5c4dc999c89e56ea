import { spawn } from "node:child_process";
import { once } from "node:events";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { findProgram } from "../../lib/program-path.ts";
import { writeLine, type Io } from "../io.ts";
import type { AgentOptions } from "./role.ts";

/** Whether the same as root may do what an ordinary user could not. */
export function sudoMayHelp(error: unknown): error is LodgeError {
  if (!(error instanceof LodgeError) || process.getuid?.() === 0) return false;
  return error.is("NAMESPACE_FORBIDDEN") || error.is("NOT_ALLOWED");
}

/**
 * Runs the same command as root, and says so. Answers its exit code, or throws the error that led here where there is
 * no sudo.
 */
export async function withSudo(
  error: LodgeError,
  program: readonly string[],
  options: AgentOptions,
  flags: readonly string[],
  io: Io,
): Promise<number> {
  const sudo = findProgram("sudo", process.env);
  if (sudo === undefined) throw error;
  writeLine(io.stderr, `${error.message}.`.replace(/\.\.$/u, "."));
  writeLine(io.stderr, "So the same is done with sudo.");
  const args = [
    "--",
    ...program,
    "agent",
    "--dev",
    `--name=${options.name}`,
    `--dir=${options.directory}`,
    ...(options.listen === undefined ? [] : [`--listen=${options.listen}`]),
    ...options.imageRoots.map((root) => `--image-root=${root}`),
    ...flags,
  ];
  const child = spawn(sudo, args, { stdio: "inherit" });
  // sudo passes on what it is told; the terminal's Ctrl-C it hears itself.
  const end = () => void child.kill("SIGTERM");
  io.signal.addEventListener("abort", end, { once: true });
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  } finally {
    io.signal.removeEventListener("abort", end);
  }
}
