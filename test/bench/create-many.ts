import { readFileSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { guestCommandLine } from "../../scripts/guest/command-line.ts";
import { TestAgent } from "../harness/agent.ts";
import {
  LodgeTerraform,
  guestImages,
  guestKernel,
  lan,
  lanNic,
  smallGuest,
} from "../harness/lodge.ts";
import { BareHost } from "./bare.ts";
import type { BenchOptions } from "./main.ts";
import type { Report } from "./report.ts";
import { diskBytes, memoryBytes } from "./vms.ts";

const MiB = 2 ** 20;

/** Many VMs in one apply, beside as many bare starts at once; then what the agent takes while nothing happens. */
export async function createMany(
  report: Report,
  { quick, signal, progress }: BenchOptions,
): Promise<void> {
  const count = quick ? 3 : 20;
  const rounds = quick ? 1 : 3;
  const { kernel, initrd } = await smallGuest();
  await using agent = await TestAgent.start({ imageRoots: [dirname(kernel)] });
  const { machine_type: machineType, accelerator } = await agent.json("host", "show");
  const base = `${await guestImages()}${lan}`;
  await using terraform = new LodgeTerraform([agent], base, { log: "OFF" });
  await terraform.apply();
  await using bare = await BareHost.start({
    kernel,
    initrd,
    machineType,
    accelerator,
    memoryBytes,
    diskBytes,
    count: count * rounds,
    commandLine: guestCommandLine,
  });
  const apply = (config: string) => {
    terraform.rewrite(config);
    return terraform.run(["apply", "-no-color", "-auto-approve", `-parallelism=${count}`], {
      timeoutMs: 1_200_000,
    });
  };
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    signal.throwIfAborted();
    const last = round === rounds - 1;
    const indexes = Array.from({ length: count }, (_, index) => round * count + index);
    const started = async () => {
      theirs.push(await seconds(() => bare.run(indexes)));
      progress(`round ${round + 1}: ${count} bare starts took ${theirs.at(-1)!.toFixed(1)} s`);
    };
    const applied = async () => {
      ours.push(await seconds(() => apply(`${base}${many(count)}`)));
      progress(`round ${round + 1}: an apply of ${count} VMs took ${ours.at(-1)!.toFixed(1)} s`);
      if (last) await measureIdle(report, agent, quick, signal);
      await apply(base);
    };
    // Neither is always the one that finds warm caches.
    for (const turn of round % 2 === 0 ? [started, applied] : [applied, started]) await turn();
  }
  const own = report.sample(`apply of ${count} VMs until each address is acknowledged`, "s", ours);
  const peer = report.sample(
    `${count} bare starts until each address is acknowledged`,
    "s",
    theirs,
  );
  report.check({
    name: `${count} VMs in one apply against as many bare starts`,
    value: own.median / peer.median,
    limit: 1.1,
    unit: "times",
  });
}

async function seconds(act: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await act();
  return (performance.now() - begin) / 1000;
}

function many(count: number): string {
  return `
resource "lodge_vm" "many" {
  count            = ${count}
  name             = "vm-\${count.index}"
  memory           = "${memoryBytes / MiB}MiB"
  shutdown_timeout = "0s"
  ${guestKernel}
  ${lanNic}
  disks    = { data = { size = "${diskBytes / MiB}MiB" } }
  wait_for = { ipv4 = true, timeout = "20m" }
}`;
}

/** Memory and processor time of the agent while its guests run and nobody asks it anything. */
async function measureIdle(
  report: Report,
  agent: TestAgent,
  quick: boolean,
  signal: AbortSignal,
): Promise<void> {
  const pid = (await agent.pid())!;
  const seconds = quick ? 3 : 60;
  await sleep(quick ? 0 : 5000, undefined, { signal });
  const before = cpuSeconds(pid);
  await sleep(seconds * 1000, undefined, { signal });
  const cpu = ((cpuSeconds(pid) - before) / seconds) * 100;
  const resident = Number(
    /VmRSS:\s+([0-9]+) kB/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1],
  );
  report.check({
    name: "resident memory of the agent",
    value: (resident * 1024) / 1e6,
    limit: 120,
    unit: "MB",
  });
  report.check({ name: "processor of the idle agent", value: cpu, limit: 1, unit: "%" });
  report.check({
    name: "Node processes beside the agent in its host",
    value: nodeProcesses(pid) - 1,
    limit: 0,
    unit: "processes",
  });
}

/** User and system time of a process, from clock ticks of a hundredth second. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Node processes in the PID namespace of a process. */
function nodeProcesses(pid: number): number {
  const root = `/proc/${pid}/root/proc`;
  return readdirSync(root)
    .filter((name) => /^[0-9]+$/u.test(name))
    .filter((name) => {
      try {
        return /(?:^|\/)node\0/u.test(readFileSync(`${root}/${name}/cmdline`, "utf8"));
      } catch {
        return false;
      }
    }).length;
}
