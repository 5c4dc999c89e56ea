/** The agent's log, and the only place that knows pino. */
import { pino, stdSerializers, type DestinationStream } from "pino";

/** What a line says besides its words. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the agent says what it does. Messages are whole words; what varies stands in the fields. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log whose every line has these fields too. */
  child(fields: LogFields): Log;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  readonly level?: LogLevel;
  /** One line for people instead of JSON; default: whether the destination is a terminal. */
  readonly pretty?: boolean;
  /** Default the standard error. */
  readonly destination?: { write(text: string): unknown; readonly isTTY?: boolean };
}

/** Fields that could hold a secret, wherever a line has them. */
const secrets = ["key", "password", "token", "user_data", "authorization"].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

/** Makes the log of a process. */
export function createLog(options: LogOptions = {}): Log {
  const destination = options.destination ?? process.stderr;
  const pretty = options.pretty ?? destination.isTTY === true;
  const stream: DestinationStream = {
    write: (line: string) => void destination.write(pretty ? prettyLine(line) : line),
  };
  return pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
      redact: { paths: secrets, censor: "[hidden]" },
    },
    stream,
  );
}

/** A log that says nothing. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

function prettyLine(line: string): string {
  const { level, time, msg, error, ...fields } = JSON.parse(line) as {
    level: string;
    time: string;
    msg?: string;
    error?: { stack?: string };
  };
  const rest = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const words = [time.slice(11, 23), level.toUpperCase().padEnd(5), msg ?? "", ...rest];
  return `${words.join(" ")}\n${error?.stack ? `${error.stack}\n` : ""}`;
}
