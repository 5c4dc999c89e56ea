import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, providerBlock, TestAgent } from "../harness/agent.ts";
import { Terraform, terraformBinary } from "../harness/terraform.ts";
import type { BenchOptions } from "./main.ts";
import { peakMemory } from "./provider-memory.ts";
import type { Released } from "./provider-release.ts";
import { untilHandshake } from "./provider-start.ts";
import type { Report } from "./report.ts";
import { median } from "./statistics.ts";

/** Seconds of processor time of one plan: Terraform's own, and that of the provider's processes. */
interface PlanCost {
  readonly ms: number;
  readonly coreCpu: number;
  readonly providerCpu: number;
}

/** How Terraform comes to the provider: where a developer says, or as `init` has installed and locked it. */
type Installation = "overrides" | "locked";

/** The provider that is measured, and the MiB that it takes before it has anything to do. */
export interface Subject {
  readonly released: Released;
  readonly idle: number;
}

/** Plans without a change of 1, 100 and 1,000 VMs, each beside a plan of as many `terraform_data`. */
export async function measurePlans(
  report: Report,
  { released, idle }: Subject,
  { quick, signal, progress }: BenchOptions,
): Promise<void> {
  await using agent = await TestAgent.start();
  for (const [count, runs] of quick
    ? ([[1, 2]] as const)
    : ([
        [1, 20],
        [100, 10],
        [1000, 5],
      ] as const)) {
    signal.throwIfAborted();
    await using ours = await workspace(`${providerBlock([agent])}${vms(count)}`, released);
    await using theirs = await workspace(data(count), released);
    progress(`made ${count} VMs; planning`);
    const [own, locked, peer]: [PlanCost[], PlanCost[], PlanCost[]] = [[], [], []];
    const [starts, hashes]: [number[], number[]] = [[], []];
    for (let run = 0; run < runs; run++) {
      peer.push(await plan(theirs, "overrides"));
      own.push(await plan(ours, "overrides"));
      locked.push(await plan(ours, "locked"));
      starts.push(await untilHandshake(released.executable));
      hashes.push(hashing(released.executable));
    }
    const sampleOf = (name: string, costs: readonly PlanCost[]) =>
      report.sample(
        name,
        "ms",
        costs.map(({ ms }) => ms),
      );
    const wall = sampleOf(`plan of ${count} VMs, dev_overrides`, own);
    const installed = sampleOf(`plan of ${count} VMs, locked install`, locked);
    const floor = sampleOf(`plan of ${count} terraform_data`, peer);
    if (count === 1) {
      const start = report.sample("start to handshake line, between the plans", "ms", starts);
      const hash = report.sample("hash of the executable, between the plans", "ms", hashes);
      const limit = floor.median + 3 * start.median + 100;
      const name = "against terraform_data, three starts and 100 ms";
      report.check({
        name: `plan of 1 VM, dev_overrides, ${name}`,
        value: wall.median,
        limit,
        unit: "ms",
      });
      // In every command Terraform compares what is installed with the lock file.
      report.check({
        name: `plan of 1 VM, locked install, ${name}, and the executable's hash`,
        value: installed.median,
        limit: limit + hash.median,
        unit: "ms",
      });
    }
    report.sample(
      `processor of core in a plan of ${count} VMs`,
      "s",
      own.map(({ coreCpu }) => coreCpu),
    );
    report.sample(
      `processor of the provider in a plan of ${count} VMs`,
      "s",
      own.map(({ providerCpu }) => providerCpu),
    );
    if (count === 1000) {
      const share = median(own.map(({ coreCpu, providerCpu }) => providerCpu / coreCpu));
      report.check({
        name: "processor of the provider against core's at 1000 VMs",
        value: share,
        limit: 1 / 3,
        unit: "times",
      });
    }
    const peaks: number[] = [];
    for (let run = 0; run < (quick ? 1 : 3); run++)
      peaks.push(await peakMemory(released.executable, plan(ours, "overrides")));
    const peak = report.sample(`resident at most in a plan of ${count} VMs`, "MiB", peaks);
    report.check({
      name: `resident at most in a plan of ${count} VMs against idle`,
      value: peak.median / idle,
      limit: 2.5,
      unit: "times",
    });
    await ours.run(["destroy", "-no-color", "-auto-approve", "-parallelism=30"], {
      timeoutMs: 900_000,
    });
  }
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

/** An applied configuration, in which both ways lead to the provider; the one of the overrides tells what it took. */
async function workspace(body: string, { executable, mirror }: Released): Promise<Terraform> {
  const terraform = new Terraform({ providers: {}, log: "OFF" });
  const providers = join(terraform.directory, "providers");
  mkdirSync(providers);
  const wrapper = join(providers, "terraform-provider-lodge");
  // Terraform speaks to the provider through standard output; the times go to a file of their own.
  writeFileSync(
    wrapper,
    `#!/bin/bash\nTIMEFORMAT='%U %S'\n{ time "${executable}" "$@" 2>&3; } 3>&2 2>>"${costs(terraform)}"\n`,
  );
  chmodSync(wrapper, 0o755);
  const overrides = `provider_installation {\n  dev_overrides {\n    "lodge/lodge" = "${providers}"\n  }\n  direct {}\n}\n`;
  terraform.write({
    "main.tf": body,
    "cli.tfrc": overrides,
    "overrides.tfrc": overrides,
    "locked.tfrc": `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`,
  });
  await terraform.run(["init", "-no-color"], {
    env: { TF_CLI_CONFIG_FILE: join(terraform.directory, "locked.tfrc") },
  });
  await terraform.run(["apply", "-no-color", "-auto-approve", "-parallelism=30"], {
    timeoutMs: 900_000,
  });
  return terraform;
}

const costs = (terraform: Terraform): string => join(terraform.directory, "costs");

/** One plan that must be empty, and what it cost; what the provider took is part of core's where it is locked. */
async function plan(terraform: Terraform, installation: Installation): Promise<PlanCost> {
  rmSync(costs(terraform), { force: true });
  const begin = performance.now();
  const script = `TIMEFORMAT='%U %S'; time "$1" -chdir="$0" plan -no-color -detailed-exitcode >/dev/null`;
  const env = {
    TF_CLI_CONFIG_FILE: join(terraform.directory, `${installation}.tfrc`),
    CHECKPOINT_DISABLE: "1",
    HOME: terraform.directory,
  };
  const args = ["-c", script, terraform.directory, terraformBinary()];
  const { exitCode, stderr } = await command("bash", args, env);
  const ms = performance.now() - begin;
  if (exitCode !== 0) throw new Error(`the plan is not empty (${exitCode}): ${stderr}`);
  const total = cpuOf(stderr.trim().split("\n").at(-1)!);
  const providerCpu = readCosts(terraform).reduce((sum, line) => sum + cpuOf(line), 0);
  return { ms, coreCpu: total - providerCpu, providerCpu };
}

function hashing(executable: string): number {
  const begin = performance.now();
  createHash("sha256").update(readFileSync(executable)).digest();
  return performance.now() - begin;
}

function readCosts(terraform: Terraform): readonly string[] {
  try {
    return readFileSync(costs(terraform), "utf8").trim().split("\n");
  } catch {
    return [];
  }
}

/** User and system seconds, as bash's TIMEFORMAT says them. */
function cpuOf(line: string): number {
  return line.split(" ").reduce((sum, part) => sum + Number(part), 0);
}
