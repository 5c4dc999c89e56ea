/** Runs programs where no Node is: neither the pinned one nor any other of this machine, nor these sources. */
import { realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root } from "../../scripts/build/bundle.ts";
import { command, type CommandResult } from "./agent.ts";

/** As an ordinary user has it, without the directories of system programs. */
const ordinaryPath = (process.env["PATH"] ?? "")
  .split(delimiter)
  .filter((directory) => !/\/sbin\/?$/u.test(directory))
  .join(delimiter);

/** Runs a program to its end in a mount namespace of its own. Throws where it fails; `accept` names further exit codes. */
export async function withoutNode(
  line: readonly string[],
  env: Readonly<Record<string, string>>,
  accept: readonly number[] = [0],
): Promise<CommandResult> {
  const hide = `
    mount -t tmpfs none "$0"
    while [ "$1" != -- ]; do mount --bind /dev/null "$1"; shift; done
    shift
    cd /
    exec "$@"`;
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const args = [...asRoot, "--mount", "sh", "-e", "-c", hide, root, ...nodes(), "--", ...line];
  const result = await command("unshare", args, { ...env, PATH: ordinaryPath });
  if (accept.includes(result.exitCode)) return result;
  throw new Error(
    `${line.join(" ")} ended with ${result.exitCode}\n${result.stdout}${result.stderr}`,
  );
}

/** Every Node outside of the sources that a path or a habit leads to. */
function nodes(): string[] {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const places = [...directories, "/usr/bin", "/usr/local/bin"].flatMap((directory) =>
    ["node", "nodejs"].map((name) => join(directory, name)),
  );
  const files = [process.execPath, ...places].flatMap((path) => {
    try {
      return [realpathSync(path)];
    } catch {
      return [];
    }
  });
  return [...new Set(files)].filter((path) => !path.startsWith(`${root}/`));
}
