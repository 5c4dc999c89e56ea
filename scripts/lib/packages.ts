/** The programs of other people that Lodge needs, and how to get them where they are missing. */
import { existsSync } from "node:fs";
import { command, which } from "./command.ts";
import { note } from "./progress.ts";

/** A program and the package that has it. */
export interface Requirement {
  /** Any of these programs will do. */
  readonly programs: readonly string[];
  /** The package of Debian and Ubuntu. */
  readonly apt: string;
  /** What it is for, as the end of a sentence. */
  readonly purpose: string;
}

/** What running guests takes. */
export const requirements: readonly Requirement[] = [
  { programs: ["qemu-system-x86_64"], apt: "qemu-system-x86", purpose: "runs the guests" },
  { programs: ["qemu-img"], apt: "qemu-utils", purpose: "makes their disks" },
  { programs: ["dnsmasq"], apt: "dnsmasq-base", purpose: "gives them addresses" },
  { programs: ["nft"], apt: "nftables", purpose: "lets them out and keeps them apart" },
  { programs: ["ip"], apt: "iproute2", purpose: "makes bridges and interfaces" },
  { programs: ["unshare"], apt: "util-linux", purpose: "keeps all that out of the host" },
  { programs: ["pasta", "slirp4netns"], apt: "passt", purpose: "gives them the outside network" },
  { programs: ["busybox"], apt: "busybox-static", purpose: "is what the small guest runs" },
];

/** How packages get onto this machine; a test hands in its own. */
export interface Installer {
  readonly which: (program: string) => string | undefined;
  readonly run: (file: string, args: readonly string[]) => Promise<unknown>;
  readonly isRoot: boolean;
  /** Whether sudo can ask for a password. */
  readonly terminal: boolean;
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
 * neither root nor sudo.
 */
export async function ensurePackages(
  wanted: readonly Requirement[],
  installer: Installer = systemInstaller(),
): Promise<void> {
  const absent = missing(wanted, installer);
  if (absent.length === 0) return note("everything that is needed is installed");
  const names = absent.map(({ apt }) => apt);
  for (const { apt, purpose } of absent) note(`missing: ${apt} (${purpose})`);
  if (!installer.which("apt-get")) throw new Error(otherDistributions(absent));
  const line = `apt-get install ${names.join(" ")}`;
  const prefix = await rootPrefix(installer, line);
  note(`installing with ${[...prefix, "apt-get"].join(" ")}: ${names.join(", ")}`);
  const apt = (...args: readonly string[]) => {
    const quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
    const line = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...quiet, ...args];
    return installer.run(line[0]!, line.slice(1));
  };
  await apt("update");
  await apt("install", "-y", "--no-install-recommends", ...names);
  const still = missing(wanted, installer);
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

function systemInstaller(): Installer {
  return {
    which,
    run: (file, args) => command(file, args, { output: "show", terminal: true }),
    isRoot: process.getuid?.() === 0,
    terminal: process.stdin.isTTY && existsSync("/dev/tty"),
  };
}
