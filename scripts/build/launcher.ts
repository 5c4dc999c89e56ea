/** The executables: small shell programs that start the pinned Node with a bundle. */
import { chmodSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.ts";

/** @returns the path of the Node that this repository pins through npm; throws where it is not installed. */
export function pinnedNode(): string {
  const path = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  if (existsSync(path)) return path;
  throw new Error(`${path} is missing: run "npm ci" (Linux on x64 and arm64 only).`);
}

/**
 * Writes an executable at `path` that runs Node with `args`. Node is named by its path and takes nothing from the
 * environment of whoever calls, so that neither another Node in PATH nor NODE_OPTIONS can change what runs. Modules that
 * it loads are kept compiled in `cache`.
 */
export function writeLauncher(path: string, args: readonly string[], cache?: string): void {
  const compileCache = cache
    ? `NODE_COMPILE_CACHE=${quote(cache)}\nexport NODE_COMPILE_CACHE`
    : "unset NODE_COMPILE_CACHE";
  const text = `#!/bin/sh
# Made by scripts/build.ts.
unset NODE_OPTIONS NODE_PATH NODE_V8_COVERAGE NODE_REPL_EXTERNAL_MODULE
${compileCache}
exec ${[pinnedNode(), ...args].map(quote).join(" ")} "$@"
`;
  // Renamed into place: a process that starts now gets the old one or the new one.
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, text);
  chmodSync(temporary, 0o755);
  renameSync(temporary, path);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
