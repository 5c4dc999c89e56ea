import type { Level, Log } from "./log.ts";

const levels: readonly Level[] = ["trace", "debug", "info", "warn", "error"];

/**
 * @returns the level that the environment asks for: `TF_LOG_PROVIDER_<NAME>`, `TF_LOG_PROVIDER`, then `TF_LOG`; undefined
 * for none. A word that is no level means everything, as Terraform has it.
 *
 * @param name of the provider, such as `lodge`
 */
export function logLevel(env: NodeJS.ProcessEnv, name: string): Level | undefined {
  const suffix = name.toUpperCase().replaceAll("-", "_");
  const word = env[`TF_LOG_PROVIDER_${suffix}`] || env["TF_LOG_PROVIDER"] || env["TF_LOG"];
  if (!word || word.toUpperCase() === "OFF") return undefined;
  return levels.find((level) => level === word.toLowerCase()) ?? "trace";
}

/** Says nothing. */
export const silentLog: Log = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** @returns a log at the level that the environment asks for. Its library is loaded only if somebody will read it. */
export async function openLog(env: NodeJS.ProcessEnv, name: string): Promise<Log> {
  const level = logLevel(env, name);
  if (!level) return silentLog;
  const { createLog } = await import("./log.ts");
  return createLog(`provider.${name}`, level);
}
