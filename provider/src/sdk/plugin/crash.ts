/** How a provider dies of a bug: with a text that Terraform recognizes and shows to the user. */
import { writeSync } from "node:fs";

/** What Go programs exit with after a panic. */
const crashExitCode = 2;

/**
 * Ends the process at the first exception that nobody caught. Terraform collects a line that begins with `panic: ` and
 * what follows it, and shows it as the plugin's stack trace; anything else would be "Plugin did not respond".
 */
export function crashOnUncaught(cleanUp: () => void): void {
  const crash = (thrown: unknown) => {
    writeAll(formatCrash(thrown));
    cleanUp();
    process.exit(crashExitCode);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

/** @returns the text, with its line breaks. */
export function formatCrash(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `panic: ${oneLine(String(thrown))}\n\n`;
  const causes = thrown.cause instanceof Error ? `\ncaused by: ${describe(thrown.cause)}` : "";
  return `panic: ${oneLine(`${thrown.name}: ${thrown.message}`)}\n\n${describe(thrown)}${causes}\n`;
}

const describe = (error: Error) => error.stack ?? `${error.name}: ${error.message}`;

const oneLine = (text: string) => text.replaceAll(/\s+/gu, " ");

function writeAll(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody reads it any more.
  }
}
