import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, providerBlock, TestAgent } from "../harness/agent.ts";
import { dist } from "../harness/executable.ts";
import { Terraform } from "../harness/terraform.ts";
import type { BenchOptions } from "./main.ts";
import { untilHandshake } from "./provider-start.ts";
import type { Report } from "./report.ts";
import { median } from "./statistics.ts";

/** Seconds of processor time of one plan: Terraform's own, and that of the provider's processes. */
interface PlanCost {
  readonly ms: number;
  readonly coreCpu: number;
  readonly providerCpu: number;
}

/** Plans without a change of 1, 100 and 1,000 VMs, each beside a plan of as many `terraform_data`. */
export async function measurePlans(
  report: Report,
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
    await using ours = await workspace(`${providerBlock([agent])}${vms(count)}`);
    await using theirs = await workspace(data(count));
    progress(`made ${count} VMs; planning`);
    const [own, peer, starts]: [PlanCost[], PlanCost[], number[]] = [[], [], []];
    for (let run = 0; run < runs; run++) {
      peer.push(await plan(theirs));
      own.push(await plan(ours));
      starts.push(await untilHandshake());
    }
    const wall = report.sample(
      `plan of ${count} VMs`,
      "ms",
      own.map(({ ms }) => ms),
    );
    const floor = report.sample(
      `plan of ${count} terraform_data`,
      "ms",
      peer.map(({ ms }) => ms),
    );
    if (count === 1) {
      const start = report.sample("start to handshake line, between the plans", "ms", starts);
      const limit = floor.median + 3 * start.median + 100;
      report.check({
        name: "plan of 1 VM against terraform_data, three starts and 100 ms",
        value: wall.median,
        limit,
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

/** An applied configuration, whose provider tells what processor time it took. */
async function workspace(body: string): Promise<Terraform> {
  const terraform = new Terraform({ providers: {}, log: "OFF" });
  const providers = join(terraform.directory, "providers");
  mkdirSync(providers);
  const wrapper = join(providers, "terraform-provider-lodge");
  // Terraform speaks to the provider through standard output; the times go to a file of their own.
  writeFileSync(
    wrapper,
    `#!/bin/bash\nTIMEFORMAT='%U %S'\n{ time "${join(dist, "terraform-provider-lodge")}" "$@" 2>&3; } 3>&2 2>>"${costs(terraform)}"\n`,
  );
  chmodSync(wrapper, 0o755);
  terraform.write({
    "main.tf": body,
    "cli.tfrc": `provider_installation {\n  dev_overrides {\n    "lodge/lodge" = "${providers}"\n  }\n  direct {}\n}\n`,
  });
  await terraform.run(["apply", "-no-color", "-auto-approve", "-parallelism=30"], {
    timeoutMs: 900_000,
  });
  return terraform;
}

const costs = (terraform: Terraform): string => join(terraform.directory, "costs");

/** One plan that must be empty, and what it cost. */
async function plan(terraform: Terraform): Promise<PlanCost> {
  rmSync(costs(terraform), { force: true });
  const begin = performance.now();
  const script = `TIMEFORMAT='%U %S'; time terraform -chdir="$0" plan -no-color -detailed-exitcode >/dev/null`;
  const env = {
    TF_CLI_CONFIG_FILE: join(terraform.directory, "cli.tfrc"),
    CHECKPOINT_DISABLE: "1",
    HOME: terraform.directory,
  };
  const { exitCode, stderr } = await command("bash", ["-c", script, terraform.directory], env);
  const ms = performance.now() - begin;
  if (exitCode !== 0) throw new Error(`the plan is not empty (${exitCode}): ${stderr}`);
  const total = cpuOf(stderr.trim().split("\n").at(-1)!);
  const providerCpu = readCosts(terraform).reduce((sum, line) => sum + cpuOf(line), 0);
  return { ms, coreCpu: total - providerCpu, providerCpu };
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
