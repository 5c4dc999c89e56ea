/** The command line against the real API and core, on a host made of fakes: what words of the agent come out where. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { World } from "@lodge/agent/core/testing/world.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { lodge, start, type Running } from "../harness/terminal.ts";

let agent: CoreAgent;
let world: World;
let env: Record<string, string>;

beforeEach(async () => {
  agent = await CoreAgent.start();
  world = agent.world;
  env = { LODGE_AGENT_DIR: agent.files.directory };
  await world.furnish();
  await world.put("vm", world.vm("web"));
  await world.quiet();
});
afterEach(() => agent[Symbol.asyncDispose]());

/** Waits for a command while the world's time goes on. */
function finish(running: Running): Promise<number> {
  return agent.during(running.exitCode);
}

it("shows a host and its VMs", async () => {
  expect((await lodge(["host", "show"], { env })).stdout).toMatch(/^name +rack1$/mu);
  const [vm] = JSON.parse((await lodge(["vm", "list", "-o", "json"], { env })).stdout);
  expect(vm).toMatchObject({
    meta: { host: "rack1", observed_revision: 1 },
    spec: { name: "web", memory: 128 * 2 ** 20, shutdown_timeout: "1m" },
    status: { phase: "running", nic_status: [{ ipv4_address: "10.20.0.10" }] },
  });
});

it("stops and starts a VM, and says how it goes", async () => {
  const stop = start(["vm", "stop", "web", "--wait"], { env });
  expect(await finish(stop)).toBe(0);
  expect(stop.stdout()).toBe("web: stopped\n");
  expect(await world.get("vm", "web")).toMatchObject({ spec: { power_state: "stopped" } });
  const begin = start(["vm", "start", "web", "--wait"], { env });
  expect(await finish(begin)).toBe(0);
  expect(begin.stdout()).toBe("web: running\n");
});

it("starts a guest that powered itself off, though nothing of its wish changes", async () => {
  world.hypervisor.guestPowersOff(world.id("vm web"));
  await world.pass(1000);
  const { stdout } = await lodge(["vm", "show", "web"], { env });
  expect(stdout).toMatch(/^power +stopped, wanted running$/mu);
  const begin = start(["vm", "start", "web", "--wait"], { env });
  expect(await finish(begin)).toBe(0);
  const { stdout: log } = await lodge(["vm", "log", "web", "-o", "json"], { env });
  const types = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).type);
  expect(types.filter((type) => type === "started")).toHaveLength(2);
});

it("keeps what another has changed meanwhile", async () => {
  const before = await world.get("vm", "web");
  await world.put("vm", world.vm("web", { deletion_protection: true }));
  expect((await lodge(["vm", "stop", "web"], { env })).exitCode).toBe(0);
  expect(await world.get("vm", "web")).toMatchObject({
    specRevision: before!.specRevision + 2,
    spec: { deletion_protection: true, power_state: "stopped" },
  });
});

it("stops several at once, and names the one that is not there", async () => {
  await world.put("vm", world.vm("db"));
  await world.quiet();
  const { exitCode, stderr } = await lodge(["vm", "stop", "web", "nowhere"], { env });
  expect(exitCode).toBe(3);
  expect(stderr).toContain("There is no VM nowhere");
  const both = start(["vm", "stop", "web", "db", "-w", "-o", "json"], { env });
  expect(await finish(both)).toBe(0);
  const phases = JSON.parse(both.stdout()).map(
    (vm: { status: { phase: string } }) => vm.status.phase,
  );
  expect(phases).toEqual(["stopped", "stopped"]);
});

it("shows what a stopped VM printed last, and says how to have one to type into", async () => {
  expect((await lodge(["vm", "start", "web"], { env })).exitCode).toBe(0);
  await world.pass(1000);
  const id = world.id("vm web");
  world.hypervisor.guestPrints(id, "Kernel panic\n");
  await lodge(["vm", "stop", "web"], { env });
  await world.pass(1000);
  const history = await lodge(["vm", "console", "web", "--history"], { env });
  expect(history).toEqual({ exitCode: 0, stdout: "Kernel panic\n", stderr: "" });
  expect(await lodge(["vm", "console", "web"], { env })).toEqual({
    exitCode: 1,
    stdout: "",
    stderr:
      `Error: VM web (${id}) does not run, so it has no console. (VM_NOT_RUNNING)\n` +
      "`lodge vm start web` starts it; `lodge vm console web --history` shows what it printed last.\n",
  });
});
