import { outputClosed } from "./failure.ts";
import type { Io } from "./io.ts";

/**
 * The process itself as a command sees it. The first Ctrl-C asks the command to end, the second ends it; a reader of
 * the output that goes away ends it quietly.
 */
export function processIo(): Io {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    });
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") interrupted.abort(outputClosed);
    else throw error;
  });
  const { stdin, stdout, stderr, env } = process;
  return { stdin, stdout, stderr, env, signal: interrupted.signal };
}
