/**
 * The way out of a development host, where a program is installed that makes one without rights: it speaks for the
 * guests with sockets of the user's own. Guests reach no service on the machine's loopback through it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { LodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import { exec } from "../../lib/exec.ts";
import type { Anchor } from "./anchor.ts";
import { enterCommand } from "./enter.ts";

/** How guests get out, if they do. */
export type Outbound =
  | {
      readonly available: true;
      /** A DNS server that asks those of the machine. */
      readonly dnsServer: string;
    }
  | { readonly available: false; /** One line for people. */ readonly reason: string };

export interface OutboundOptions {
  /** Let `outboundGateway` stand for the machine's loopback. Default: it leads to nothing. */
  readonly hostLoopback?: boolean;
  /** Which programs to try, in this order. Default: both, the one that is simplest to be sure of first. */
  readonly programs?: readonly ("slirp4netns" | "pasta")[];
}

/** The link that leads out, inside the anchor. */
const outboundLink = "out0";
/** Of the addresses for carriers, which nobody's own network and no guest's subnet should use. */
const [network, prefix] = ["100.115.92", 24];
export const outboundGateway = `${network}.2`;
const dnsServer = `${network}.3`;
const address = `${network}.100`;

/** Gives the anchor a way out, unless it has one. It ends with the anchor. */
export async function startOutbound(
  anchor: Anchor,
  { hostLoopback = false, programs = ["slirp4netns", "pasta"] }: OutboundOptions = {},
): Promise<Outbound> {
  if (await isConfigured(anchor)) return { available: true, dnsServer };
  for (const program of programs) {
    // It leads out of user namespaces alone.
    if (program === "pasta" && anchor.mode === "root") continue;
    if (!(await isInstalled(program))) continue;
    const child = program === "pasta" ? pasta(anchor, hostLoopback) : slirp(anchor, hostLoopback);
    await configured(anchor, child, program);
    return { available: true, dnsServer };
  }
  return {
    available: false,
    reason: "Guests have no way out of this host: install slirp4netns or passt, and start it anew.",
  };
}

/** It runs among the anchor's processes, so the kernel ends it with them, but keeps the machine's network and files. */
function slirp(anchor: Anchor, hostLoopback: boolean): ChildProcess {
  const args = [
    "--configure",
    "--mtu=65520",
    `--cidr=${network}.0/${prefix}`,
    ...(hostLoopback ? [] : ["--disable-host-loopback"]),
    // What it reads comes from guests.
    "--enable-sandbox",
    "--enable-seccomp",
    "--netns-type=path",
    // Its /proc is the machine's.
    `/proc/${anchor.pid}/ns/net`,
    outboundLink,
  ];
  const [file, fileArgs] = enterCommand(anchor, "slirp4netns", args, {
    cwd: "/",
    outsideNetwork: true,
    outlive: true,
  });
  return background(file, fileArgs);
}

/**
 * It refuses to start among the anchor's processes, so it runs beside them, and a reader of a pipe that only a process
 * of the anchor holds ends it when that closes.
 */
function pasta(anchor: Anchor, hostLoopback: boolean): ChildProcess {
  const args = [
    ...words(`--foreground --quiet --config-net --ns-ifname ${outboundLink} --ipv4-only`),
    ...words(`--address ${address} --netmask ${prefix} --gateway ${outboundGateway}`),
    ...words(`--dns-forward ${dnsServer}`),
    ...(hostLoopback ? [] : ["--no-map-gw"]),
    ...words("--tcp-ports none --udp-ports none --tcp-ns none --udp-ns none"),
    ...(process.getuid?.() === 0 ? ["--runas", "0"] : []),
    ...words(`--netns /proc/${anchor.pid}/ns/net --userns /proc/${anchor.pid}/ns/user`),
  ];
  const [file, fileArgs] = enterCommand(anchor, "sleep", ["infinity"], { cwd: "/", outlive: true });
  const holder = spawn(file, fileArgs, { stdio: ["ignore", "pipe", "ignore"], detached: true });
  holder.unref();
  const script = `
    exec 3<&0 </dev/null
    "$@" 3<&- & pasta=$!
    cat <&3 >/dev/null
    kill "$pasta" 2>/dev/null
    wait "$pasta"`;
  const child = background("sh", ["-c", script, "sh", "pasta", ...args], holder.stdout);
  holder.stdout.destroy();
  return child;
}

const words = (line: string): string[] => line.split(" ");

function background(
  file: string,
  args: readonly string[],
  input: Readable | "ignore" = "ignore",
): ChildProcess {
  const child = spawn(file, args, { stdio: [input, "ignore", "ignore"], detached: true, cwd: "/" });
  child.unref();
  return child;
}

async function isInstalled(program: string): Promise<boolean> {
  try {
    await exec(program, ["--version"], { accept: [0, 1] });
    return true;
  } catch (error) {
    if (error instanceof LodgeError && error.is("PROGRAM_MISSING")) return false;
    throw error;
  }
}

/** Whether the link out is up and has a route: then the program behind it serves, for the link goes with it. */
async function isConfigured(anchor: Anchor): Promise<boolean> {
  const show = ["-json", "route", "show", "default", "dev", outboundLink];
  const [file, args] = enterCommand(anchor, "ip", show, { cwd: "/" });
  const { exitCode, stdout } = await exec(file, args, { accept: [0, 1, 255] });
  return exitCode === 0 && stdout.includes(outboundGateway);
}

async function configured(anchor: Anchor, child: ChildProcess, program: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await isConfigured(anchor))) {
    if (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
      await sleep(20);
      continue;
    }
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    throw lodgeError("COMMAND_FAILED", `${program} did not make a way out of the host.`, {
      remedy: "Start without guests' access to the outside, or look at the system's log.",
    });
  }
}
