/** Every attribute of every resource changed, with the action that the plan must show and what becomes of the object. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, guestImages, guestKernel, lan } from "../harness/lodge.ts";

let agent: TestAgent;
let images: string;

beforeAll(async () => {
  images = await guestImages();
  agent = await TestAgent.start();
});

afterAll(() => agent?.[Symbol.asyncDispose]());

/** One change: attributes before and after, each replacing its namesake of the base, and the action of the plan. */
interface Change {
  readonly name: string;
  readonly before?: string;
  readonly after: string;
  readonly action: "update" | "delete/create";
  /** What the plan must warn of. */
  readonly warns?: RegExp;
  /** The VM's `restart_required` after it; default none. */
  readonly restart?: readonly string[];
}

/** Takes an object through changes, each from the base and back; every apply must leave an empty plan. */
async function walk(
  address: string,
  body: (attributes: string) => string,
  changes: readonly Change[],
  check: (change: Change, before: Attributes, after: Attributes) => Promise<void> | void,
): Promise<void> {
  await using terraform = new LodgeTerraform([agent], body(changes[0]!.before ?? ""));
  try {
    for (const change of changes) {
      terraform.rewrite(body(change.before ?? ""));
      await terraform.apply();
      const before = (await terraform.state())[address];
      terraform.rewrite(body(change.after));
      const plan = await terraform.plan();
      expect({ [change.name]: plan.changes[address] }).toEqual({ [change.name]: change.action });
      if (change.warns) expect(plan.stdout.replaceAll(/\s+/gu, " ")).toMatch(change.warns);
      else expect(plan.stdout).not.toContain("Warning: Changes will wait");
      await terraform.apply();
      expect([change.name, (await terraform.plan()).changes]).toEqual([change.name, {}]);
      const after = (await terraform.state())[address];
      expect(after.id === before.id).toBe(change.action === "update");
      await check(change, before, after);
    }
  } finally {
    await terraform.destroy();
  }
}

// eslint-disable-next-line typescript/no-explicit-any
type Attributes = Record<string, any>;

describe("lodge_vm", () => {
  const restart = (name: string): Pick<Change, "action" | "warns" | "restart"> => ({
    action: "update",
    warns: new RegExp(`Changes will wait for a restart.*${name}`, "u"),
    restart: [name],
  });

  /** Attributes that stand in the base unless a change has them. */
  const base: Readonly<Record<string, string>> = {
    name: `name = "web"`,
    memory: `memory = "128MiB"`,
    kernel: guestKernel,
    disks: `disks = { data = { disk_id = lodge_disk.data.id }, scratch = { size = "64MiB" } }`,
    nics: `nics = { eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id } }`,
    shutdown_timeout: `shutdown_timeout = "10s"`,
  };

  const body = (attributes: string): string => {
    const given = new Set([...attributes.matchAll(/^\s*(\w+)\s*=/gmu)].map(([, name]) => name));
    const rest = Object.entries(base).filter(([name]) => !given.has(name));
    return `${images}${lan}
resource "lodge_disk" "data" {
  name = "web-data"
  size = "64MiB"
}
resource "lodge_disk" "other" {
  name = "other-data"
  size = "64MiB"
}
resource "lodge_vm" "web" {
${rest.map(([, text]) => text).join("\n")}
${attributes}
}`;
  };

  const boot = async (): Promise<string> => {
    const vms = await agent.client("vm");
    const [item] = await vms.list([]);
    return item!.status.boot_id!;
  };

  const changes: readonly Change[] = [
    { name: "name", after: `name = "renamed"`, action: "update" },
    { name: "cpus", after: `cpus = 2`, ...restart("cpus") },
    { name: "memory", after: `memory = "160MiB"`, ...restart("memory") },
    {
      name: "memory, spelled otherwise",
      before: `memory = "1GiB"`,
      after: `memory = "160MiB"`,
      ...restart("memory"),
    },
    { name: "firmware", after: `firmware = "uefi"`, ...restart("firmware") },
    {
      name: "kernel",
      after: guestKernel.replace("console=ttyS0", "lodge.test=1 console=ttyS0"),
      ...restart("kernel.command_line"),
    },
    { name: "boot_order", after: `boot_order = ["scratch", "data"]`, ...restart("boot_order") },
    {
      name: "a disk more",
      after: `disks = { data = { disk_id = lodge_disk.data.id }, scratch = { size = "64MiB" }, more = { size = "32MiB" } }`,
      ...restart("disks.more"),
    },
    {
      name: "another disk_id",
      after: `disks = { data = { disk_id = lodge_disk.other.id }, scratch = { size = "64MiB" } }`,
      ...restart("disks.data.disk_id"),
    },
    {
      name: "a nic more",
      after: `nics = {
        eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id }
        eth1 = { network_id = lodge_network.lan.id, mac = "52:54:00:00:00:77" }
      }`,
      ...restart("nics.eth1"),
    },
    {
      name: "a certain address",
      after: `nics = { eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id, ipv4_address = "10.20.0.77" } }`,
      ...restart("nics.eth0.ipv4_address"),
    },
    {
      name: "a certain MAC address",
      after: `nics = { eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id, mac = "52:54:00:00:00:78" } }`,
      ...restart("nics.eth0.mac"),
    },
    { name: "primary_nic", after: `primary_nic = "eth0"`, action: "update" },
    { name: "on_restart_required", after: `on_restart_required = "restart"`, action: "update" },
    { name: "shutdown_timeout", after: `shutdown_timeout = "20s"`, action: "update" },
    {
      name: "deletion_protection",
      before: `deletion_protection = true`,
      after: `deletion_protection = false`,
      action: "update",
    },
    { name: "wait_for", after: `wait_for = { ipv4 = true }`, action: "update" },
    { name: "timeouts", after: `timeouts = { update = "10m" }`, action: "update" },
    {
      name: "a disk grows",
      after: `disks = { data = { disk_id = lodge_disk.data.id }, scratch = { size = "96MiB" } }`,
      action: "update",
    },
  ];

  test("every attribute on a running VM, which stays as it is", async () => {
    let first: string | undefined;
    await walk("lodge_vm.web", body, changes, async (change, before, after) => {
      expect([change.name, after["restart_required"]]).toEqual([change.name, change.restart ?? []]);
      expect(after["actual_power_state"]).toBe("running");
      expect(before["actual_host"]).toBe(after["actual_host"]);
      // The guest of the first boot still runs: nothing was restarted unannounced.
      first ??= await boot();
      expect([change.name, await boot()]).toEqual([change.name, first]);
    });
  });

  test("power_state stops and starts, and restart applies what waits", async () => {
    await using terraform = new LodgeTerraform([agent], body(""));
    try {
      await terraform.apply();
      terraform.rewrite(body(`memory = "160MiB"`));
      await terraform.apply();
      expect((await terraform.state())["lodge_vm.web"].restart_required).toEqual(["memory"]);
      terraform.rewrite(body(`memory = "160MiB"\npower_state = "stopped"`));
      expect((await terraform.plan()).changes).toEqual({ "lodge_vm.web": "update" });
      await terraform.apply();
      expect((await terraform.state())["lodge_vm.web"]).toMatchObject({
        actual_power_state: "stopped",
        restart_required: [],
      });
      expect(await terraform.remaining()).toEqual([]);
      terraform.rewrite(body(`memory = "160MiB"`));
      await terraform.apply();
      const started = await boot();
      terraform.rewrite(body(`memory = "192MiB"\non_restart_required = "restart"`));
      const plan = await terraform.plan();
      expect(plan.stdout.replaceAll(/\s+/gu, " ")).toContain("The VM will be restarted");
      await terraform.apply();
      expect(await boot()).not.toBe(started);
      expect((await terraform.state())["lodge_vm.web"]).toMatchObject({
        actual_power_state: "running",
        restart_required: [],
      });
      expect(await terraform.remaining()).toEqual([]);
    } finally {
      await terraform.destroy();
    }
  });

  test("an image of a disk makes a new VM", async () => {
    const withImage = (image: string) =>
      body(`power_state = "stopped"\ndisks = { root = { image_id = lodge_image.${image}.id } }`);
    await using terraform = new LodgeTerraform([agent], withImage("initrd"));
    try {
      await terraform.apply();
      const { id } = (await terraform.state())["lodge_vm.web"];
      terraform.rewrite(withImage("kernel"));
      expect((await terraform.plan()).changes).toEqual({ "lodge_vm.web": "delete/create" });
      await terraform.apply();
      expect((await terraform.state())["lodge_vm.web"].id).not.toBe(id);
      expect(await terraform.remaining()).toEqual([]);
    } finally {
      await terraform.destroy();
    }
  });
});

describe("the other resources", () => {
  const simple = (type: string, fixed: string) => (attributes: string) => {
    const given = new Set([...attributes.matchAll(/^\s*(\w+)\s*=/gmu)].map(([, name]) => name));
    const rest = fixed.split("\n").filter((line) => !given.has(line.trim().split(" ")[0]));
    const network =
      type === "lodge_address_pool"
        ? `
resource "lodge_network" "lan" {
  name    = "lan"
  subnets = { main = { cidr = "10.30.0.0/24" }, second = { cidr = "10.31.0.0/24" } }
}
resource "lodge_network" "other" {
  name    = "other"
  subnets = { main = { cidr = "10.32.0.0/24" } }
}`
        : "";
    return `${images}${network}
resource "${type}" "it" {
${rest.join("\n")}
${attributes}
}`;
  };

  test("lodge_disk", async () => {
    const body = simple("lodge_disk", `name = "it"\nsize = "64MiB"`);
    await walk(
      "lodge_disk.it",
      body,
      [
        { name: "name", after: `name = "renamed"`, action: "update" },
        { name: "size", after: `size = "96MiB"`, action: "update" },
        {
          name: "size, spelled otherwise",
          before: `size = "1GiB"`,
          after: `size = "1025MiB"`,
          action: "update",
        },
        {
          name: "deletion_protection",
          before: `size = "1025MiB"\ndeletion_protection = true`,
          after: `size = "1025MiB"`,
          action: "update",
        },
        {
          name: "timeouts",
          before: `size = "1025MiB"`,
          after: `size = "1025MiB"\ntimeouts = { create = "5m" }`,
          action: "update",
        },
        {
          name: "image_id",
          before: `size = "1025MiB"`,
          after: `size = "1025MiB"\nimage_id = lodge_image.initrd.id`,
          action: "delete/create",
        },
      ],
      () => undefined,
    );
  });

  test("lodge_network", async () => {
    const body = simple(
      "lodge_network",
      `name = "it"\nsubnets = { main = { cidr = "10.30.0.0/24" } }`,
    );
    await walk(
      "lodge_network.it",
      body,
      [
        { name: "name", after: `name = "renamed"`, action: "update" },
        {
          name: "dns_servers",
          after: `subnets = { main = { cidr = "10.30.0.0/24", dns_servers = ["9.9.9.9"] } }`,
          action: "update",
        },
        {
          name: "a subnet more",
          after: `subnets = { main = { cidr = "10.30.0.0/24" }, b = { cidr = "10.31.0.0/24" } }`,
          action: "update",
        },
        {
          name: "gateway",
          after: `subnets = { main = { cidr = "10.30.0.0/24", gateway = "10.30.0.254" } }`,
          action: "delete/create",
        },
        {
          name: "cidr",
          after: `subnets = { main = { cidr = "10.33.0.0/24" } }`,
          action: "delete/create",
        },
        { name: "mode", after: `mode = "nat"\ntimeouts = { delete = "5m" }`, action: "update" },
      ],
      () => undefined,
    );
  });

  test("lodge_address_pool", async () => {
    const body = simple(
      "lodge_address_pool",
      `name = "it"\nnetwork_id = lodge_network.lan.id\nsubnet = "main"\nranges = ["10.30.0.10-10.30.0.20"]`,
    );
    await walk(
      "lodge_address_pool.it",
      body,
      [
        { name: "name", after: `name = "renamed"`, action: "update" },
        {
          name: "ranges",
          after: `ranges = ["10.30.0.10-10.30.0.20", "10.30.0.30"]`,
          action: "update",
        },
        { name: "cooldown", after: `cooldown = "5m"`, action: "update" },
        {
          name: "subnet",
          after: `subnet = "second"\nranges = ["10.31.0.10"]`,
          action: "delete/create",
        },
        {
          name: "network_id",
          after: `network_id = lodge_network.other.id\nranges = ["10.32.0.10"]`,
          action: "delete/create",
        },
      ],
      () => undefined,
    );
  });

  test("lodge_image", async () => {
    const body = simple("lodge_image", `name = "it"`);
    const path = /local_path = "(?<path>[^"]+)"/u;
    const [kernel, initrd] = images
      .split("resource")
      .slice(1)
      .map((text) => path.exec(text)!.groups!["path"]!);
    const from = (file: string) => `local_path = "${file}"`;
    await walk(
      "lodge_image.it",
      (attributes) =>
        body(attributes.includes("local_path") ? attributes : `${from(kernel!)}\n${attributes}`),
      [
        { name: "name", after: `name = "renamed"`, action: "update" },
        { name: "another file", after: from(initrd!), action: "delete/create" },
      ],
      () => undefined,
    );
  });
});
