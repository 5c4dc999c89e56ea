import { readdirSync, readFileSync } from "node:fs";
import { paths, type Layout } from "../../lib/layout.ts";
import { identify, type ProcessIdentity } from "../../lib/process.ts";

export interface FoundQemu extends ProcessIdentity {
  readonly bootId: string;
  readonly accelerator: "kvm" | "tcg";
}

/**
 * Looks through all processes for the VM's QEMU: what an agent that died between starting one and recording it left. Its
 * arguments name its monitor's path, which only this agent's VM of that id has, from the moment it was started.
 */
export function findQemu(layout: Layout, vmId: string): FoundQemu | undefined {
  const pidFile = paths.qemuPid(layout, vmId);
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const args = readArguments(entry);
    const at = args.indexOf("-pidfile");
    if (at === -1 || args[at + 1] !== pidFile || !leadsSession(entry)) continue;
    const identity = identify(Number(entry));
    if (!identity) continue;
    const bootId = args.map((arg) => /^name=opt\/lodge\/boot-id,string=(.+)$/.exec(arg)?.[1]);
    return {
      ...identity,
      bootId: bootId.find((id) => id !== undefined) ?? "",
      accelerator: args[args.indexOf("-accel") + 1] === "kvm" ? "kvm" : "tcg",
    };
  }
  return undefined;
}

function readArguments(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

/** QEMU leads its session; the children of the shell that becomes QEMU have its arguments for a moment, and do not. */
function leadsSession(pid: string): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8");
    return line.slice(line.lastIndexOf(")") + 2).split(" ")[3] === pid;
  } catch {
    return false;
  }
}
