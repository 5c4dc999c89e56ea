/**
 * Importing this sends everything that is meant for standard output to standard error, where Terraform reads logs: the
 * first line on standard output is the handshake's. It is an effect of the import, so that it comes before whatever the
 * modules imported later may print.
 */
import { writeSync } from "node:fs";

// The console looks its stream up at its first use, and so follows.
Object.defineProperty(process, "stdout", { get: () => process.stderr, configurable: true });

/** Writes to the real standard output, past the redirection. */
export function writeStdout(text: string): void {
  writeSync(1, text);
}
