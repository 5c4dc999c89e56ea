import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { providerBlock, TestAgent } from "../harness/agent.ts";
import type { Terraform } from "../harness/terraform.ts";
import type { BenchOptions } from "./main.ts";
import { peakMemory } from "./provider-memory.ts";
import type { Released } from "./provider-release.ts";
import { untilHandshake } from "./provider-start.ts";
import { planCost, planTime, workspace, type PlanCost } from "./provider-workspace.ts";
import type { Report } from "./report.ts";
import { median } from "./statistics.ts";

/** The provider that is measured, and the MiB that it takes before it has anything to do. */
export interface Subject {
  readonly released: Released;
  readonly idle: number;
}

/** The same plan by three ways, and what the machine needs for its parts; milliseconds. */
interface Times {
  readonly own: number[];
  readonly locked: number[];
  readonly echo: number[];
  readonly data: number[];
  readonly start: number[];
  readonly hash: number[];
}

/**
 * Plans without a change of 1, 100 and 1,000 VMs, each beside a plan of as many `terraform_data`, for which Terraform
 * starts no provider, and one with a provider that does nothing.
 */
export async function measurePlans(
  report: Report,
  { released, idle }: Subject,
  { quick, signal, progress }: BenchOptions,
): Promise<void> {
  await using agent = await TestAgent.start();
  const sizes = [
    { count: 1, runs: 20, costs: 5 },
    { count: 100, runs: 10, costs: 5 },
    { count: 1000, runs: 5, costs: 5 },
  ];
  for (const { count, runs, costs } of quick ? [{ count: 1, runs: 2, costs: 1 }] : sizes) {
    signal.throwIfAborted();
    await using ours = await workspace(`${providerBlock([agent])}${vms(count)}`, released);
    await using theirs = await workspace(data(count), released);
    progress(`made ${count} VMs; planning`);
    const times: Times = { own: [], locked: [], echo: [], data: [], start: [], hash: [] };
    for (let run = 0; run < runs; run++) {
      times.data.push(await planTime(theirs, "overrides"));
      times.own.push(await planTime(ours, "overrides"));
      times.echo.push(await planTime(ours, "echo"));
      times.locked.push(await planTime(ours, "locked"));
      times.start.push(await untilHandshake(released.executable));
      times.hash.push(hashing(released.executable));
    }
    reportTimes(report, count, times);
    const [own, echo]: [PlanCost[], PlanCost[]] = [[], []];
    for (let run = 0; run < costs; run++) {
      own.push(await planCost(ours, "overrides"));
      echo.push(await planCost(ours, "echo"));
    }
    reportCosts(report, count, own, echo);
    await measurePeak(report, count, { idle, runs: quick ? 1 : 3 }, released, ours);
    await ours.run(["destroy", "-no-color", "-auto-approve", "-parallelism=30"], {
      timeoutMs: 900_000,
    });
  }
}

function reportTimes(report: Report, count: number, times: Times): void {
  const own = report.sample(`plan of ${count} VMs, dev_overrides`, "ms", times.own);
  const locked = report.sample(`plan of ${count} VMs, locked install`, "ms", times.locked);
  report.sample(`plan of ${count} VMs, a provider that does nothing`, "ms", times.echo);
  const data = report.sample(`plan of ${count} terraform_data`, "ms", times.data);
  if (count > 1) return;
  const start = report.sample("start to handshake line, between the plans", "ms", times.start);
  const hash = report.sample("hash of the executable, between the plans", "ms", times.hash);
  const limit = data.median + 3 * start.median + 100;
  const name = "against terraform_data, three starts and 100 ms";
  report.check({
    name: `plan of 1 VM, dev_overrides, ${name}`,
    value: own.median,
    limit,
    unit: "ms",
  });
  // In every command Terraform compares what is installed with the lock file.
  report.check({
    name: `plan of 1 VM, locked install, ${name}, and the executable's hash`,
    value: locked.median,
    limit: limit + hash.median,
    unit: "ms",
  });
}

function reportCosts(
  report: Report,
  count: number,
  own: readonly PlanCost[],
  echo: readonly PlanCost[],
): void {
  const cores = own.map(({ core }) => core);
  report.sample(`processor of core in a plan of ${count} VMs`, "s", cores);
  const providers = own.map(({ provider }) => provider);
  report.sample(`processor of the provider in a plan of ${count} VMs`, "s", providers);
  const nothing = echo.map(({ provider }) => provider);
  report.sample(`processor of a provider that does nothing, ${count} VMs`, "s", nothing);
  if (count < 1000) return;
  report.check({
    name: "processor of the provider against core's at 1000 VMs",
    value: median(own.map(({ core, provider }) => provider / core)),
    limit: 1 / 3,
    unit: "times",
  });
}

async function measurePeak(
  report: Report,
  count: number,
  { idle, runs }: { readonly idle: number; readonly runs: number },
  { executable }: Released,
  terraform: Terraform,
): Promise<void> {
  const peaks: number[] = [];
  for (let run = 0; run < runs; run++)
    peaks.push(await peakMemory(executable, planTime(terraform, "overrides")));
  const peak = report.sample(`resident at most in a plan of ${count} VMs`, "MiB", peaks);
  report.check({
    name: `resident at most in a plan of ${count} VMs against idle`,
    value: peak.median / idle,
    limit: 2.5,
    unit: "times",
  });
}

const vms = (count: number): string => `
resource "lodge_vm" "many" {
  count       = ${count}
  name        = "vm-\${count.index}"
  memory      = "128MiB"
  power_state = "stopped"
}`;

const data = (count: number): string => `
resource "terraform_data" "many" {
  count = ${count}
  input = "vm-\${count.index}"
}`;

function hashing(executable: string): number {
  const begin = performance.now();
  createHash("sha256").update(readFileSync(executable)).digest();
  return performance.now() - begin;
}
