/**
 * The provider's log, in the form that Terraform reads from standard error: one JSON object in a line, as hclog writes
 * it. Values of users' configuration and state never go here.
 */
import pino from "pino";

/** From the least to the most important. */
export type Level = "trace" | "debug" | "info" | "warn" | "error";

/** Further values of a line. Keys that begin with `@` are Terraform's and are left out. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes lines at or above the level that the user asked for. */
export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>;

const levels: readonly Level[] = ["trace", "debug", "info", "warn", "error"];

/** Terraform cuts lines at 64 KiB. */
const maxMessageLength = 16 * 1024;

/** @returns a log with the name `module`, for the lines from `level` on. `write` gets whole lines. */
export function createLog(module: string, level: Level, write?: (line: string) => void): Log {
  const destination = write ? { write } : pino.destination({ fd: 2, sync: true });
  const logger = pino(
    {
      level,
      base: { "@module": module },
      messageKey: "@message",
      timestamp: () => `,"@timestamp":"${timestamp(new Date())}"`,
      formatters: { level: (label) => ({ "@level": label }) },
    },
    destination,
  );
  const method = (name: Level) => (message: unknown, fields?: Fields) => {
    // A value that is no string would crash Terraform, so types alone are not enough.
    const text = String(message).slice(0, maxMessageLength);
    logger[name](withoutReserved(fields), text);
  };
  return Object.fromEntries(levels.map((name) => [name, method(name)])) as Log;
}

/** Terraform takes a time with exactly six decimals; with fewer it does not see the line's level. */
function timestamp(date: Date): string {
  return date.toISOString().replace("Z", "000Z");
}

function withoutReserved(fields: Fields = {}): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !key.startsWith("@")));
}
