import { guestCommandLine } from "../../scripts/guest/command-line.ts";
import { TestAgent } from "../harness/agent.ts";
import { smallGuest } from "../harness/lodge.ts";
import { BareHost } from "./bare.ts";
import type { BenchOptions } from "./main.ts";
import type { Report } from "./report.ts";
import { differences, median } from "./statistics.ts";
import { diskBytes, memoryBytes, shareOn, timeVm, type VmTimes } from "./vms.ts";
import type { BareTimes } from "./bare-host.ts";
import { dirname } from "node:path";

/** One VM at a time through an agent, each beside the same QEMU started by itself on a host where all is ready. */
export async function create(
  report: Report,
  { quick, signal, progress }: BenchOptions,
): Promise<void> {
  const count = quick ? 2 : 20;
  const { kernel, initrd } = await smallGuest();
  await using agent = await TestAgent.start({ imageRoots: [dirname(kernel)] });
  const shared = await shareOn(agent);
  const { machine_type: machineType, accelerator } = await agent.json("host", "show");
  await using bare = await BareHost.start({
    kernel,
    initrd,
    machineType,
    accelerator,
    memoryBytes,
    diskBytes,
    count: count + 1,
    commandLine: guestCommandLine,
  });
  const [ours, theirs]: [VmTimes[], BareTimes[]] = [[], []];
  // The first of each warms caches up and is not counted.
  await timeVm(agent, "warm-up", shared);
  await bare.run([count]);
  for (let index = 0; index < count; index++) {
    signal.throwIfAborted();
    theirs.push(...(await bare.run([index])));
    ours.push(await timeVm(agent, `vm-${index}`, shared));
    progress(`${index + 1} of ${count} pairs`);
  }
  const exec = report.sample(
    "Put to exec of QEMU, the agent's own time",
    "ms",
    ours.map((times) => times.exec),
  );
  report.check({ name: "Put to exec of QEMU, median", value: exec.median, limit: 80, unit: "ms" });
  for (const [moment, title, limit] of [
    ["firstLine", "first line", 100],
    ["acknowledged", "DHCP acknowledged", 250],
  ] as const) {
    const [own, peer] = [ours.map((times) => times[moment]), theirs.map((times) => times[moment])];
    report.sample(`Put to ${title}`, "ms", own);
    report.sample(`bare spawn to ${title}`, "ms", peer);
    const value = median(differences(own, peer));
    report.check({
      name: `${title} against a bare spawn, median difference`,
      value,
      limit,
      unit: "ms",
    });
  }
}
