/** The program `ip`: links, addresses and routes, as many as possible in one process. */
import { existsSync } from "node:fs";
import { exec } from "../lib/exec.ts";

/** A link as `ip -json -details address show` tells of it, as far as it is of use. */
export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly ifalias?: string;
  readonly address: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: { readonly type?: string };
  };
  readonly addr_info?: readonly {
    readonly family: string;
    readonly local: string;
    readonly prefixlen: number;
  }[];
}

/** A route as `ip -json route show` tells of it. */
export interface Route {
  readonly dst: string;
  readonly dev?: string;
}

/** Part of `link set`: the host speaks no IPv6 on the link. A kernel without IPv6 does not know the word. */
export const withoutIpv6 = existsSync("/proc/sys/net/ipv6") ? " addrgenmode none" : "";

interface BatchOptions {
  /** The name of the namespace to work in; default the caller's own. */
  readonly namespace?: string;
  readonly signal?: AbortSignal;
  /** Go on after a command that fails, and call that success: for commands that remove. */
  readonly tolerant?: boolean;
}

/** Runs the commands in their order in one process; none is success. */
export async function ipBatch(
  commands: readonly string[],
  { namespace, signal, tolerant = false }: BatchOptions = {},
): Promise<void> {
  if (commands.length === 0) return;
  await exec("ip", [...inNamespace(namespace), ...(tolerant ? ["-force"] : []), "-batch", "-"], {
    input: lines(commands),
    ...(signal && { signal }),
    ...(tolerant && { accept: [0, 1] }),
  });
}

/** Asks several `show` commands in one process. What does not exist is absent from the answers. */
export async function ipShow<T>(
  commands: readonly string[],
  { namespace, signal }: BatchOptions = {},
): Promise<T[]> {
  const { stdout } = await exec(
    "ip",
    [...inNamespace(namespace), "-json", "-details", "-force", "-batch", "-"],
    { input: lines(commands), accept: [0, 1], ...(signal && { signal }) },
  );
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("["))
    .flatMap((line) => JSON.parse(line) as T[])
    .filter((entry) => Object.keys(entry as object).length > 0);
}

/** Whether the link is up, as far as we are to see to it; a carrier is the peer's matter. */
export function isUp(link: Link): boolean {
  return link.flags.includes("UP");
}

const inNamespace = (name?: string): string[] => (name === undefined ? [] : ["-netns", name]);
const lines = (commands: readonly string[]): string =>
  commands.map((command) => `${command}\n`).join("");
