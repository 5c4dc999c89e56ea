import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startPlugin } from "../../provider/src/sdk/testing/plugin-client.ts";
import type { BenchOptions } from "./main.ts";
import type { Released } from "./provider-release.ts";
import type { Report } from "./report.ts";

const settleMs = 1000;

/** What a provider takes that waits for its first request, beside a Node that does nothing; MiB, resident. */
export async function measureIdleMemory(
  report: Report,
  { executable }: Released,
  { quick, signal, progress }: BenchOptions,
): Promise<number> {
  const [ours, floor]: [number[], number[]] = [[], []];
  for (let run = 0; run < (quick ? 2 : 20); run++) {
    signal.throwIfAborted();
    const node = spawn(process.execPath, ["-e", "setInterval(() => {}, 2 ** 30)"]);
    await using plugin = startPlugin({ command: [executable] });
    await (await plugin.provider()).getProviderSchema({});
    await sleep(settleMs);
    floor.push(resident(node.pid!, "VmRSS")!);
    ours.push(resident(plugin.child.pid!, "VmRSS")!);
    node.kill("SIGKILL");
    await plugin.shutdown();
  }
  progress("memory of idle processes measured");
  const idle = report.sample("resident, the schema answered", "MiB", ours);
  const node = report.sample("resident, an idle Node", "MiB", floor);
  report.check({
    name: "resident when idle against an idle Node",
    value: idle.median / node.median,
    limit: 2,
    unit: "times",
  });
  return idle.median;
}

/** The highest memory of any process of an executable while `work` goes on, in MiB. */
export async function peakMemory(executable: string, work: Promise<unknown>): Promise<number> {
  let peak = 0;
  const ended = new AbortController();
  const done = work.finally(() => ended.abort());
  while (!ended.signal.aborted) {
    for (const pid of processesOf(executable)) peak = Math.max(peak, resident(pid, "VmHWM") ?? 0);
    await sleep(20);
  }
  await done;
  return peak;
}

function processesOf(executable: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/exe`) === executable;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Now (`VmRSS`) or at most (`VmHWM`); undefined once the process has ended. */
function resident(pid: number, field: "VmRSS" | "VmHWM"): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "mu").exec(status)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) / 1024;
  } catch {
    return undefined;
  }
}
