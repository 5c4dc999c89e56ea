/** A VM with a guest that really runs: its address, its power and its restarts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, guestImages, guestKernel, lan, lanNic } from "../harness/lodge.ts";
import type { Plan } from "../harness/terraform.ts";

let agent: TestAgent;
let terraform: LodgeTerraform;

const vm = (more: string) => `
resource "lodge_vm" "web" {
  name   = "web"
  memory = "128MiB"
  ${guestKernel}
  disks = {
    data    = { disk_id = lodge_disk.data.id }
    scratch = { size = "64MiB" }
  }
  ${lanNic}
  ${more}
}
`;

const disk = `
resource "lodge_disk" "data" {
  name = "web-data"
  size = "1024MiB"
}
`;

let base: string;

beforeAll(async () => {
  agent = await TestAgent.start();
  base = `${await guestImages()}${lan}${disk}`;
  terraform = new LodgeTerraform(
    [agent],
    `${base}${vm('wait_for = { ipv4 = true, tcp_port = 80, console = "web" }')}`,
  );
});

afterAll(async () => {
  await terraform?.[Symbol.asyncDispose]();
  await agent?.[Symbol.asyncDispose]();
});

const shown = () => agent.json("vm", "show", "web");

const guide = readFileSync(
  join(import.meta.dirname, "..", "..", "docs", "guides", "drift.md"),
  "utf8",
);

/** What the guide says that a plan shows after something has happened. */
function announced(event: string): string[] {
  const [, quoted] = guide
    .split("\n")
    .find((line) => line.startsWith(`| ${event} |`))!
    .split(" | ");
  return [...quoted!.matchAll(/`([~#] [^`]+)`/gu)].map(([, line]) => line!);
}

/** The lines of a plan, without what aligns them. */
const linesOf = (plan: Plan): string[] =>
  plan.stdout.split("\n").map((line) => line.trim().replaceAll(/ +/gu, " "));

test("create makes a running guest with an acknowledged address", async () => {
  const plan = await terraform.plan();
  expect(new Set(Object.values(plan.changes))).toEqual(new Set(["create"]));
  await terraform.apply();
  const state = await terraform.state();
  expect(state["lodge_vm.web"]).toMatchObject({
    ready: true,
    ipv4_address: "10.20.0.10",
    actual_host: "dev",
    actual_power_state: "running",
    restart_required: [],
    memory: "128MiB",
    memory_bytes: 128 * 2 ** 20,
    nic_status: [{ name: "eth0", mac: "52:54:0a:14:00:0a", ipv4_address: "10.20.0.10" }],
    disk_status: [
      { name: "data", size_bytes: 2 ** 30 },
      { name: "scratch", size_bytes: 64 * 2 ** 20 },
    ],
  });
  expect(state["lodge_disk.data"]).toMatchObject({
    size: "1024MiB",
    size_bytes: 2 ** 30,
    format: "qcow2",
  });
  expect(await agent.lodge("vm", "console", "web", "--history")).toContain("web");
});

test("a plan after it is empty, with and without a refresh", async () => {
  expect(await terraform.remaining()).toEqual([]);
});

test("a VM that was stopped behind the back is drift, and apply starts it", async () => {
  await agent.lodge("vm", "stop", "web", "--wait");
  const plan = await terraform.plan();
  expect(plan.changes).toEqual({ "lodge_vm.web": "update" });
  const lines = announced("`lodge vm stop web`");
  expect(lines).toHaveLength(2);
  expect(linesOf(plan)).toEqual(expect.arrayContaining(lines));
  await terraform.apply();
  expect(await terraform.remaining()).toEqual([]);
  expect((await shown()).status.actual_power_state).toBe("running");
});

test("a guest that powers itself off stays off, is drift, and is started by apply", async () => {
  await agent.type("web", "poweroff -f");
  await expect.poll(async () => (await shown()).status.phase).toBe("stopped");
  expect((await shown()).status.reason).toBe("GUEST_SHUTDOWN");
  const plan = await terraform.plan();
  expect(plan.changes).toEqual({ "lodge_vm.web": "update" });
  const lines = announced("the guest shut itself down");
  expect(linesOf(plan).filter((line) => line.includes("power_state"))).toEqual(lines);
  expect(guide).toContain(`      ${lines[0]}\n\`\`\``);
  await terraform.apply();
  expect(await terraform.remaining()).toEqual([]);
  expect((await shown()).status.actual_power_state).toBe("running");
});

test("what waits for a restart comes with the next start, and on_restart_required brings it at once", async () => {
  const changed = (more: string) => `${base}${vm(more).replace("128MiB", "160MiB")}`;
  const boot = async () => (await shown()).status.boot_id as string;
  const first = await boot();
  terraform.rewrite(changed(""));
  await terraform.apply();
  expect((await terraform.state())["lodge_vm.web"].restart_required).toEqual(["memory"]);
  expect(await boot()).toBe(first);
  terraform.rewrite(changed(`power_state = "stopped"`));
  await terraform.apply();
  expect((await terraform.state())["lodge_vm.web"]).toMatchObject({
    actual_power_state: "stopped",
    restart_required: [],
  });
  terraform.rewrite(changed(`on_restart_required = "restart"`));
  await terraform.apply();
  const second = await boot();
  terraform.rewrite(`${base}${vm(`on_restart_required = "restart"`)}`);
  expect((await terraform.plan()).stdout).toContain("The VM will be restarted");
  await terraform.apply();
  expect(await boot()).not.toBe(second);
  expect((await terraform.state())["lodge_vm.web"]).toMatchObject({
    actual_power_state: "running",
    memory: "128MiB",
    restart_required: [],
  });
  expect(await terraform.remaining()).toEqual([]);
});

test("what another configuration changed or deleted is drift, as the guide shows it", async () => {
  const client = await agent.client("vm");
  const { id, spec, specRevision } = await client.get({ name: "web" }, false);
  await client.put({
    id,
    spec: { ...spec, memory: 256 * 2 ** 20 },
    expectedRevision: specRevision,
  });
  const edited = await terraform.plan();
  expect(linesOf(edited)).toEqual(
    expect.arrayContaining(announced("another configuration changed `memory`")),
  );
  await client.delete(id);
  await expect.poll(() => agent.json("vm", "list")).toEqual([]);
  const deleted = await terraform.plan();
  const [line] = announced("the object was deleted");
  expect(linesOf(deleted)).toContain(line);
});

test("destroy leaves nothing", async () => {
  await terraform.destroy();
  expect(await terraform.state()).toEqual({});
  expect(await agent.json("vm", "list")).toEqual([]);
});
