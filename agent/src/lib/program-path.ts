import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** PATH with the directories of system programs, which an ordinary user's often lacks. */
export function programPath(env: Environment): string {
  const own = (env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const system = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];
  return [...new Set([...own, ...system])].join(delimiter);
}

/** The path of a program, also where only root looks; undefined where there is none. A path is taken as it is. */
export function findProgram(name: string, env: Environment): string | undefined {
  if (name.includes("/")) return permits(name, constants.R_OK) ? name : undefined;
  return programPath(env)
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => permits(path, constants.X_OK));
}

function permits(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
