/** How to get the programs of other people that are missing. */
import { existsSync } from "node:fs";
import type { Requirement } from "../../agent/src/lib/requirements.ts";
import { findProgram } from "../../agent/src/lib/program-path.ts";
import { busyboxPlaces, busyboxVariable } from "../guest/build.ts";
import { command } from "./command.ts";
import { note } from "./progress.ts";

/** What is needed here beside what running guests takes; it may have been named. */
export function busybox(env: NodeJS.ProcessEnv): Requirement {
  const named = env[busyboxVariable];
  return {
    programs: named ? [named] : busyboxPlaces,
    apt: "busybox-static",
    purpose: "is what the small guest runs",
  };
}

/** How packages get onto this machine; a test hands in its own. */
export interface Installer {
  readonly which: (program: string) => string | undefined;
  readonly run: (file: string, args: readonly string[]) => Promise<unknown>;
  readonly isRoot: boolean;
  /** Whether sudo can ask for a password. */
  readonly terminal: boolean;
  /** Told what is missing and what is done about it. */
  readonly say: (text: string) => void;
}

/** The requirements that no program here meets. */
export function missing(
  wanted: readonly Requirement[],
  installer: Pick<Installer, "which">,
): readonly Requirement[] {
  return wanted.filter(({ programs }) => !programs.some((name) => installer.which(name)));
}

/**
 * Installs what is missing, naming each package. Throws with what to type where that cannot be done here: no apt, or
 * neither root nor sudo. What is optional and cannot be had is said, and no failure.
 */
export async function ensurePackages(
  wanted: readonly Requirement[],
  installer: Installer,
): Promise<void> {
  const absent = missing(wanted, installer);
  const [needed, optional] = [false, true].map((kind) =>
    absent.filter((requirement) => (requirement.optional ?? false) === kind),
  ) as [Requirement[], Requirement[]];
  if (absent.length === 0) return installer.say("everything that is needed is installed");
  for (const { apt, purpose } of absent) installer.say(`missing: ${apt} (${purpose})`);
  if (!installer.which("apt-get")) {
    if (needed.length > 0) throw new Error(otherDistributions(needed));
    return installer.say("It goes without.");
  }
  try {
    await install(absent, installer);
  } catch (error) {
    // One package that this release does not have keeps apt from installing any.
    if (optional.length === 0) throw error;
    installer.say(
      `Without ${optional.map(({ apt }) => apt).join(", ")}: ${(error as Error).message}`,
    );
    if (needed.length > 0) await install(needed, installer);
  }
}

async function install(absent: readonly Requirement[], installer: Installer): Promise<void> {
  const names = absent.map(({ apt }) => apt);
  const prefix = await rootPrefix(installer, `apt-get install ${names.join(" ")}`);
  installer.say(`installing with ${[...prefix, "apt-get"].join(" ")}: ${names.join(", ")}`);
  const apt = (...args: readonly string[]) => {
    const quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
    const line = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...quiet, ...args];
    return installer.run(line[0]!, line.slice(1));
  };
  await apt("update");
  await apt("install", "-y", "--no-install-recommends", ...names);
  const still = missing(absent, installer);
  if (still.length > 0) {
    throw new Error(
      `${still.map(({ apt }) => apt).join(", ")} did not bring the program that it should.`,
    );
  }
}

/** How to become root: not at all, or by sudo without surprises. */
async function rootPrefix(installer: Installer, line: string): Promise<readonly string[]> {
  if (installer.isRoot) return [];
  if (!installer.which("sudo")) throw new Error(`Neither root nor sudo: as root, run ${line}`);
  if (installer.terminal) return ["sudo"];
  try {
    await installer.run("sudo", ["-n", "true"]);
  } catch (cause) {
    throw new Error(`sudo needs a password and there is no terminal: run sudo ${line}`, { cause });
  }
  return ["sudo", "-n"];
}

function otherDistributions(absent: readonly Requirement[]): string {
  const programs = absent.map(({ programs }) => programs.join(" or "));
  return [
    "This is neither Debian nor Ubuntu, so please install these programs yourself:",
    ...programs.map((name) => `  ${name}`),
    "Their packages: Fedora: qemu-system-x86 qemu-img dnsmasq nftables iproute util-linux passt busybox;",
    "Arch: qemu-base dnsmasq nftables iproute2 util-linux passt busybox;",
    "openSUSE: qemu-x86 qemu-tools dnsmasq nftables iproute2 util-linux passt busybox-static.",
  ].join("\n");
}

/** This machine's; what it runs ends with the signal. */
export function systemInstaller(signal?: AbortSignal): Installer {
  const terminal = process.stdin.isTTY && existsSync("/dev/tty");
  return {
    which: (program) => findProgram(program, process.env),
    run: (file, args) => command(file, args, { output: "show", terminal, signal }),
    isRoot: process.getuid?.() === 0,
    terminal,
    say: note,
  };
}
