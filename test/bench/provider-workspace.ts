import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { command } from "../harness/agent.ts";
import { Terraform, terraformBinary } from "../harness/terraform.ts";
import type { Released } from "./provider-release.ts";

/** How Terraform comes to a provider: where a developer says, or as `init` has installed and locked it. */
export type Installation = "overrides" | "locked" | "echo";

/** Seconds of processor time of one plan: Terraform's own, and that of the provider's processes. */
export interface PlanCost {
  readonly core: number;
  readonly provider: number;
}

/** An applied configuration in which every way leads to its provider. */
export async function workspace(body: string, released: Released): Promise<Terraform> {
  const terraform = new Terraform({ providers: {}, log: "OFF" });
  const { directory } = terraform;
  const overrides = {
    overrides: dirname(released.executable),
    echo: dirname(released.echo),
    "timed-overrides": timed(terraform, "overrides", released.executable),
    "timed-echo": timed(terraform, "echo", released.echo),
  };
  terraform.write({
    "main.tf": body,
    "cli.tfrc": overridden(overrides.overrides),
    "locked.tfrc": `provider_installation {\n  filesystem_mirror {\n    path = "${released.mirror}"\n  }\n}\n`,
    ...Object.fromEntries(
      Object.entries(overrides).map(([name, path]) => [`${name}.tfrc`, overridden(path)]),
    ),
  });
  await terraform.run(["init", "-no-color"], {
    env: { TF_CLI_CONFIG_FILE: join(directory, "locked.tfrc") },
  });
  await terraform.run(["apply", "-no-color", "-auto-approve", "-parallelism=30"], {
    timeoutMs: 900_000,
  });
  return terraform;
}

/** Milliseconds of one plan that must be empty. */
export async function planTime(terraform: Terraform, installation: Installation): Promise<number> {
  const begin = performance.now();
  await plan(terraform, installation);
  return performance.now() - begin;
}

/** What one plan that must be empty takes of the processors; the provider starts a little later than it would. */
export async function planCost(
  terraform: Terraform,
  installation: Exclude<Installation, "locked">,
): Promise<PlanCost> {
  rmSync(costs(terraform), { force: true });
  const said = await plan(terraform, `timed-${installation}`);
  const lines = readFileSync(costs(terraform), "utf8").trim().split("\n");
  const provider = lines.reduce((sum, line) => sum + seconds(line), 0);
  return { core: seconds(said.trim().split("\n").at(-1)!) - provider, provider };
}

async function plan(terraform: Terraform, configuration: string): Promise<string> {
  const script = `TIMEFORMAT='%U %S'; time "$1" -chdir="$0" plan -no-color -detailed-exitcode >/dev/null`;
  const env = {
    TF_CLI_CONFIG_FILE: join(terraform.directory, `${configuration}.tfrc`),
    CHECKPOINT_DISABLE: "1",
    HOME: terraform.directory,
  };
  const args = ["-c", script, terraform.directory, terraformBinary()];
  const { exitCode, stderr } = await command("bash", args, env);
  if (exitCode !== 0) throw new Error(`the plan is not empty (${exitCode}): ${stderr}`);
  return stderr;
}

const overridden = (directory: string) =>
  `provider_installation {\n  dev_overrides {\n    "lodge/lodge" = "${directory}"\n  }\n  direct {}\n}\n`;

/** @returns a directory with a provider that writes down what its processes took. */
function timed(terraform: Terraform, name: string, executable: string): string {
  const directory = join(terraform.directory, `timed-${name}`);
  mkdirSync(directory);
  const path = join(directory, "terraform-provider-lodge");
  // Terraform speaks to the provider through standard output; the times go to a file of their own.
  writeFileSync(
    path,
    `#!/bin/bash\nTIMEFORMAT='%U %S'\n{ time "${executable}" "$@" 2>&3; } 3>&2 2>>"${costs(terraform)}"\n`,
  );
  chmodSync(path, 0o755);
  return directory;
}

const costs = (terraform: Terraform): string => join(terraform.directory, "costs");

/** User and system seconds, as bash's TIMEFORMAT says them. */
function seconds(line: string): number {
  return line.split(" ").reduce((sum, part) => sum + Number(part), 0);
}
