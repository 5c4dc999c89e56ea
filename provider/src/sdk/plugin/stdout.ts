import { writeSync } from "node:fs";

/**
 * Sends everything that is meant for standard output to standard error, where Terraform reads logs: the first line on
 * standard output is the handshake's. To be called before anything that might print is loaded.
 */
export function redirectStdout(): void {
  // The console looks its stream up at its first use, and so follows.
  Object.defineProperty(process, "stdout", { get: () => process.stderr, configurable: true });
}

/** Writes to the real standard output, past the redirection. */
export function writeStdout(text: string): void {
  writeSync(1, text);
}
