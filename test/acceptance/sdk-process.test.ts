/** The processes of a provider under the real Terraform: their ends, crashes, logs and limits. */
import { describe, expect, test } from "vitest";
import { startPlugin } from "@lodge/provider/sdk/testing/plugin-client.ts";
import { buildExecutable, pluginFixture } from "../harness/executable.ts";
import { Terraform } from "../harness/terraform.ts";
import {
  address,
  full,
  items,
  memoryExecutable,
  remaining,
  workspace,
} from "../harness/acceptance/memory-workspace.ts";

/** For a process to end as it is asked to: after a minute without a client it would end in any case. */
const soon = { timeout: 40_000 };

describe("the process", () => {
  test("Ctrl-C: the object that was made is in the state, and nothing is left running", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "wait"\n}\n',
    );
    const running = terraform.start(["apply", "-no-color", "-auto-approve"]);
    await expect.poll(() => items(terraform).length).toBe(1);
    running.signalGroup("SIGINT");
    const result = await running.result;
    expect(result.exitCode).toBe(1);
    expect(result.stderr).not.toMatch(/did not respond|rpc error/);
    expect((await terraform.state())[address]?.id).toBe(items(terraform)[0]?.id);
    await expect.poll(() => terraform.processes(), soon).toEqual([]);
    expect(terraform.sockets()).toEqual([]);
  });

  test("Terraform killed: the provider ends by itself, and its socket is removed", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "wait"\n}\n',
    );
    const running = terraform.start(["apply", "-no-color", "-auto-approve"]);
    await expect.poll(() => items(terraform).length).toBe(1);
    expect(terraform.processes().length).toBeGreaterThan(1);
    running.child.kill("SIGKILL");
    await running.result;
    await expect.poll(() => terraform.processes(), soon).toEqual([]);
    expect(terraform.sockets()).toEqual([]);
  });

  test("a crash shows its stack to the user", async () => {
    const fixture = await buildExecutable(pluginFixture);
    await using terraform = new Terraform({ providers: { "lodge/fixture": fixture } });
    terraform.write({
      "main.tf": `
terraform {
  required_providers {
    fixture = { source = "lodge/fixture" }
  }
}
resource "fixture_thing" "a" {}
`,
    });
    const result = await terraform.run(["plan", "-no-color"], { accept: [1] });
    expect(result.stderr).toContain("Stack trace from the terraform-provider-fixture plugin");
    expect(result.stderr).toContain("panic: Error: nobody awaits this");
    await expect.poll(() => terraform.processes(), soon).toEqual([]);
  });

  test("every process ends when Terraform asks, and is never killed", async () => {
    await using terraform = workspace(full, { log: "DEBUG" });
    await terraform.apply();
    await terraform.plan();
    expect(terraform.log.match(/plugin process exited/g)?.length).toBeGreaterThan(4);
    expect(terraform.log).not.toMatch(/failed to exit gracefully|plugin failed|signal: killed/i);
    expect(terraform.sockets()).toEqual([]);
  });

  test("the provider's log has its levels, in Terraform's log", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "create"\n}\n',
      {
        log: "ERROR",
      },
    );
    await terraform.run(["apply", "-auto-approve"], { accept: [1] });
    expect(terraform.log).toMatch(
      /\[ERROR\] provider\.terraform-provider-memory: Unable to create memory_item/,
    );
  });

  test("a value of 12 MB", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  secret = file("large.txt")\n}\n',
      {
        log: "OFF",
      },
    );
    terraform.write({ "large.txt": "0123456789ab".repeat(1_000_000) });
    await terraform.apply();
    expect(items(terraform)[0]?.["rest"]).toMatchObject({
      secret: expect.objectContaining({ length: 12_000_000 }),
    });
    expect((await terraform.plan()).changes).toEqual({});
  });

  test("a process per alias, ten at once", async () => {
    const aliases = Array.from(
      { length: 10 },
      (_, index) => `
provider "memory" {
  alias = "p${index}"
  path  = "\${path.cwd}/p${index}.json"
}
resource "memory_item" "p${index}" {
  provider = memory.p${index}
  name     = "p${index}"
}`,
    );
    await using terraform = workspace(aliases.join("\n"));
    await terraform.apply();
    expect((await terraform.plan()).changes).toEqual({});
    await terraform.destroy();
    expect(terraform.sockets()).toEqual([]);
  });

  test("without TLS, if Terraform is told so", async () => {
    await using terraform = workspace(full, { env: { TF_DISABLE_PLUGIN_TLS: "1" } });
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("under NODE_OPTIONS that would stop any Node", async () => {
    await using terraform = workspace(full, { env: { NODE_OPTIONS: "--require /nonexistent.js" } });
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("attached to a process that somebody debugs, which serves command after command", async () => {
    await using terraform = workspace(full);
    await using plugin = startPlugin({
      command: [memoryExecutable, "-debug"],
      clientCertificate: false,
    });
    await expect.poll(() => plugin.stdout).toContain("TF_REATTACH_PROVIDERS=");
    const env = { TF_REATTACH_PROVIDERS: /TF_REATTACH_PROVIDERS='(.*)'/.exec(plugin.stdout)?.[1] };
    await terraform.run(["apply", "-auto-approve"], { env });
    const plan = await terraform.run(["plan", "-detailed-exitcode"], { env });
    expect(plan.exitCode).toBe(0);
    await terraform.run(["destroy", "-auto-approve"], { env });
    expect(items(terraform)).toEqual([]);
    expect(plugin.child.exitCode).toBe(null);
    plugin.child.kill("SIGTERM");
    expect(await plugin.exit).toEqual({ code: 0, signal: null });
  });
});
