/** The command line against the real API and core, on a host made of fakes: what words of the agent come out where. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createApi } from "@lodge/agent/api/api.ts";
import { World } from "@lodge/agent/core/testing/world.ts";
import { silentLog } from "@lodge/agent/lib/log.ts";
import { ensureCredentials } from "@lodge/agent/role/agent/credentials.ts";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { createServer } from "@lodge/schemas/rpc/server.ts";
import { lodge, start, type Running } from "../harness/terminal.ts";

let world: World;
let cleanup: AsyncDisposableStack;
let env: Record<string, string>;

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp("/tmp/lodge-");
  cleanup.defer(() => rm(directory, { recursive: true }));
  const identity = await ensureCredentials({ directory, name: "rack1" });
  await writeFile(join(directory, "agent.json"), JSON.stringify({ name: "rack1" }));
  env = { LODGE_AGENT_DIR: directory };
  world = new World();
  await world.begin();
  cleanup.defer(() => world.core.close());
  await world.furnish();
  await world.put("vm", world.vm("web"));
  await world.quiet();
  const server = createServer(createApi({ core: world.core, log: silentLog }));
  cleanup.defer(() => server.close(0));
  await server.listen(`unix:${agentFiles(directory, "rack1").socket}`, identity);
});
afterEach(() => cleanup.disposeAsync());

/** Waits for a command while the world's time goes on. */
async function finish(running: Running): Promise<number> {
  const ended = running.exitCode.then(() => true);
  const moment = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 10));
  while (!(await Promise.race([ended, moment()]))) await world.pass(1000);
  return running.exitCode;
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

it("says that a stopped VM has no console", async () => {
  await lodge(["vm", "stop", "web"], { env });
  await world.pass(1000);
  const { exitCode, stderr } = await lodge(["vm", "console", "web", "--history"], { env });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/has no console|so it has no console/u);
});
