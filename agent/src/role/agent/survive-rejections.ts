import type { Log } from "../../lib/log.ts";

/**
 * Logs a promise that failed with nobody waiting for it, with its stack, and lets the agent go on. Without this Node ends
 * the process. What failed is one task in the background: whatever the agent has promised is in its store before it is
 * done and looked at again, so a lost task costs a delay, while an agent that ends takes every VM's control with it, and
 * nobody starts a development agent anew. An exception that nobody caught still ends it: that one left a call half done.
 */
export function surviveRejections(log: Pick<Log, "error">): Disposable {
  const note = (error: unknown): void =>
    log.error({ error }, "a task in the background failed; this is a fault of the agent");
  process.on("unhandledRejection", note);
  return { [Symbol.dispose]: () => void process.off("unhandledRejection", note) };
}
