import type { Environment } from "@lodge/schemas/rpc/local-agent.ts";
import type { Readable, Writable } from "node:stream";

/** A stream that may be a terminal. */
export interface Output extends Writable {
  readonly isTTY?: boolean;
}

/** Standard input; raw mode is a terminal's alone. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

/** What a command may touch of its process: a test hands it its own. */
export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  /** Aborted by Ctrl-C, by SIGTERM, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** Writes a whole line. */
export function writeLine(output: Output, line: string): void {
  output.write(`${line}\n`);
}
