import { requirements, uefiFirmware, type Requirement } from "../../lib/requirements.ts";
import type { Check, Finding, World } from "./check.ts";

const oldestQemu = [7, 2] as const;

/** How each program is asked for its version. */
const versionArguments: Readonly<Record<string, readonly string[]>> = { ip: ["-V"] };

/** A number, also after a `v` as nft writes it; or pasta's date and commit, such as 2024_06_07.8a83b53. */
const versionPattern = /(?<![\w.])v?(\d+\.\d+[\w.~]*|\d{4}_\d\d_\d\d\.[\da-f]+)/u;

/** Programs and firmware, with their versions. */
export const programs: Check = async (world, signal) => {
  const wanted = [...requirements, uefiFirmware];
  return await Promise.all(wanted.map((requirement) => find(requirement, world, signal)));
};

async function find(requirement: Requirement, world: World, signal: AbortSignal): Promise<Finding> {
  const { programs: names, apt, purpose, optional } = requirement;
  const name = names.find((candidate) => world.which(candidate));
  const title = title_(requirement);
  if (name === undefined) {
    return {
      name: title,
      status: optional ? "warning" : "missing",
      detail: `not found; it ${purpose}`,
      remedy: `Install it: sudo apt-get install ${apt}`,
    };
  }
  const path = world.which(name)!;
  if (name.startsWith("/")) return { name: title, status: "ok", detail: path };
  const version = await versionOf(name, path, world, signal);
  if (name === "qemu-system-x86_64" && version !== undefined && isOlder(version, oldestQemu)) {
    return {
      name: title,
      status: "missing",
      detail: `${version} is too old`,
      remedy: `Install QEMU ${oldestQemu.join(".")} or later.`,
    };
  }
  const detail = version === undefined ? path : `${version} (${path})`;
  return { name: name === names[0] ? title : name, status: "ok", detail };
}

function title_({ programs: [first = ""], apt }: Requirement): string {
  return first.startsWith("/") ? apt : first;
}

async function versionOf(
  name: string,
  path: string,
  world: World,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const said = await world.run(path, versionArguments[name] ?? ["--version"], signal);
    const [line = ""] = said.split("\n");
    return versionPattern.exec(line)?.[1];
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
