/** A VM from nothing to nothing: create, empty plans, drift, import, destroy. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, guestImages, guestKernel, lan, lanNic } from "../harness/lodge.ts";

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

/** An image that is copied from the agent's own directory. */
let hosted = `
resource "lodge_image" "hosted" {
  name      = "hosted"
  host_path = "PATH"
}
`;

let base: string;

beforeAll(async () => {
  agent = await TestAgent.start();
  const path = join(agent.files.directory, "import", "hosted.img");
  await writeFile(path, Buffer.alloc(4096, 7));
  hosted = hosted.replace("PATH", path);
  base = `${await guestImages()}${lan}${disk}${hosted}`;
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

test("import by id and by host/name plans empty", async () => {
  const state = await terraform.state();
  const idOf = (address: string): string => state[address].id;
  // What is local to the first workspace is named by its id; everything else is imported.
  const body = `${lan}${disk}${hosted}${vm("")}`
    .replace("lodge_image.kernel.id", `"${idOf("lodge_image.kernel")}"`)
    .replace("lodge_image.initrd.id", `"${idOf("lodge_image.initrd")}"`);
  const names = {
    "lodge_vm.web": "web",
    "lodge_network.lan": "lan",
    "lodge_address_pool.lan": "lan",
    "lodge_disk.data": "web-data",
    "lodge_image.hosted": "hosted",
  };
  for (const form of ["id", "host/name"] as const) {
    await using second = new LodgeTerraform([agent], body);
    for (const [address, name] of Object.entries(names)) {
      await second.import(address, form === "id" ? idOf(address) : `dev/${name}`);
    }
    expect(await second.remaining()).toEqual([]);
  }
});

test("an imported VM that does not exist says so", async () => {
  await using second = new LodgeTerraform([agent], `${base}${vm("")}`);
  const result = await second.run(["import", "-no-color", "lodge_vm.web", "dev/nobody"], {
    accept: "any",
  });
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain("No VM on this host has the name nobody");
});

test("a VM that was stopped behind the back is drift, and apply starts it", async () => {
  await agent.lodge("vm", "stop", "web", "--wait");
  const plan = await terraform.plan();
  expect(plan.changes).toEqual({ "lodge_vm.web": "update" });
  expect(plan.stdout).toMatch(/power_state\s+= "stopped" -> "running"/);
  await terraform.apply();
  expect(await terraform.remaining()).toEqual([]);
  expect((await shown()).status.actual_power_state).toBe("running");
});

test("a guest that powers itself off stays off, is drift, and is started by apply", async () => {
  await agent.type("web", "poweroff -f");
  await expect.poll(async () => (await shown()).status.phase, { timeout: 120_000 }).toBe("stopped");
  expect((await shown()).status.reason).toBe("GUEST_SHUTDOWN");
  const plan = await terraform.plan();
  expect(plan.changes).toEqual({ "lodge_vm.web": "update" });
  expect(plan.stdout).toMatch(/actual_power_state\s+= "stopped" -> "running"/);
  await terraform.apply();
  expect(await terraform.remaining()).toEqual([]);
  expect((await shown()).status.actual_power_state).toBe("running");
});

test("an attribute that was edited behind the back is drift, and apply puts it back", async () => {
  const vms = await agent.client("vm");
  const item = await vms.get({ name: "web" }, false);
  await vms.put({
    id: item.id,
    spec: { ...item.spec, deletion_protection: true },
    expectedRevision: item.specRevision,
  });
  const plan = await terraform.plan();
  expect(plan.changes).toEqual({ "lodge_vm.web": "update" });
  expect(plan.stdout).toMatch(/deletion_protection\s+= true -> false/);
  await terraform.apply();
  expect(await terraform.remaining()).toEqual([]);
});

test("a VM that was deleted behind the back is made again", async () => {
  const vms = await agent.client("vm");
  const before = await vms.get({ name: "web" }, false);
  await vms.delete(before.id);
  await expect.poll(async () => (await vms.list([])).length, { timeout: 120_000 }).toBe(0);
  const plan = await terraform.plan();
  expect(plan.changes).toEqual({ "lodge_vm.web": "create" });
  await terraform.apply();
  expect((await vms.get({ name: "web" }, false)).id).not.toBe(before.id);
});

test("destroy leaves nothing", async () => {
  await terraform.destroy();
  expect(await terraform.state()).toEqual({});
  expect(await agent.json("vm", "list")).toEqual([]);
});
