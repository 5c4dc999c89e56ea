import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { CommanderError } from "commander";
import { Exit } from "./exit.ts";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { writeLine, type Io } from "./io.ts";
import { styleFor } from "./style.ts";
import { UsageError } from "./usage-error.ts";

/** Says on standard error what went wrong and what to do next; returns the exit code that goes with it. */
export function reportFailure(thrown: unknown, io: Io): number {
  // Commander has said it already; asking for help is no failure.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitCodes.usage;
  if (thrown instanceof Exit) return thrown.exitCode;
  if (io.signal.aborted) return io.signal.reason === outputClosed ? 0 : exitCodes.interrupted;
  const style = styleFor(io.stderr, io.env);
  const say = (message: string) => writeLine(io.stderr, `${style("bad", "Error:")} ${message}`);
  if (thrown instanceof UsageError) {
    say(thrown.message);
    return exitCodes.usage;
  }
  if (thrown instanceof LodgeError) {
    say(thrown.reason === "" ? thrown.message : `${thrown.message} (${thrown.reason})`);
    for (const { path, message } of thrown.violations)
      writeLine(io.stderr, `  ${path}: ${message}`);
    if (thrown.remedy) writeLine(io.stderr, thrown.remedy);
    if (io.env["LODGE_DEBUG"]) writeLine(io.stderr, String(thrown.stack));
    return exitCodeOf(thrown);
  }
  say(thrown instanceof Error ? thrown.message : String(thrown));
  if (io.env["LODGE_DEBUG"] && thrown instanceof Error) writeLine(io.stderr, String(thrown.stack));
  else writeLine(io.stderr, "LODGE_DEBUG=1 shows where this comes from.");
  return exitCodes.failure;
}

/** The reason of the signal when the reader of standard output has gone, as in `lodge vm log web | head -1`. */
export const outputClosed = Symbol("nobody reads standard output");
