import { createLog, type LogLevel, type LogOptions } from "../../lib/log.ts";
import { isLog, logFile, turnLog } from "./log-file.ts";
import type { ServeOptions } from "./serve.ts";

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

/**
 * Runs the agent's process. Its log goes to standard error: LODGE_LOG is its level, LODGE_LOG_FORMAT=json makes it
 * readable for programs. Where that is the file of an agent in the background, it is kept short.
 */
export async function runInside(
  options: ServeOptions,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<void> {
  const level = levels.find((known) => known === env["LODGE_LOG"]?.toLowerCase());
  const log = createLog({
    ...(level && { level }),
    pretty: env["LODGE_LOG_FORMAT"] !== "json",
    destination: destination(logFile(options.directory)),
  });
  // Loaded here, so that starting an agent in the background does not load one.
  const { serve } = await import("./serve.ts");
  await serve(options, log, signal);
}

function destination(file: string): NonNullable<LogOptions["destination"]> {
  const { stderr } = process;
  if (!isLog(file, stderr.fd)) return stderr;
  return {
    write: (text) => {
      turnLog(file, stderr.fd);
      stderr.write(text);
    },
  };
}
