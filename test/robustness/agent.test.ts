/** What dies, is broken or is in the way: nothing is lost, and nothing is left over. */
import { rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nothing, TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, guestImages, guestKernel, lan, lanNic } from "../harness/lodge.ts";

let agent: TestAgent;
let images: string;

beforeAll(async () => {
  images = await guestImages();
  agent = await TestAgent.start();
});

afterAll(() => agent?.[Symbol.asyncDispose]());

const vm = (name: string, more = "") => `
resource "lodge_vm" "${name}" {
  name   = "${name}"
  memory = "128MiB"
  shutdown_timeout = "5s"
  ${guestKernel}
  ${lanNic}
  disks = { scratch = { size = "32MiB" } }
  wait_for = { ipv4 = true, timeout = "10m" }
  ${more}
}
`;

const vmOf = async (name: string) => (await agent.client("vm")).get({ name }, false);
const running = { timeout: 180_000, interval: 200 };

/** A configuration applied, then whatever the body does, then destroyed: nothing may be left. */
async function applied(
  body: string,
  run: (terraform: LodgeTerraform) => Promise<void>,
): Promise<void> {
  await using terraform = new LodgeTerraform([agent], `${images}${lan}${body}`);
  try {
    await terraform.apply();
    await run(terraform);
  } catch (error) {
    // The next test begins with a host of its own; the first failure is the one to tell.
    await agent[Symbol.asyncDispose]();
    agent = await TestAgent.start();
    throw error;
  }
  await terraform.destroy();
  expect(await agent.census()).toEqual(nothing);
}

test("an agent that is killed leaves running guests alone, and finds them again", async () => {
  await applied(vm("web"), async (terraform) => {
    const before = await vmOf("web");
    await agent.kill();
    const census = await agent.census();
    expect(census.processes).toHaveLength(2);
    await agent.up();
    const after = await vmOf("web");
    expect(after.status).toMatchObject({
      phase: "running",
      pid: before.status.pid,
      boot_id: before.status.boot_id,
      boots: before.status.boots,
    });
    expect(await agent.census()).toEqual(census);
    expect(await terraform.remaining()).toEqual([]);
  });
});

test("a guest that powers itself off while the agent is away is stopped, with its reason", async () => {
  await applied(vm("web"), async (terraform) => {
    // The guest waits with it until the agent has gone.
    await agent.type("web", "(sleep 15; poweroff -f) &");
    await agent.kill();
    await expect
      .poll(
        async () =>
          (await agent.inside("sh", "-c", "cat /run/lodge/vm/*/console.log")).includes(
            "reboot: Power down",
          ),
        running,
      )
      .toBe(true);
    await agent.up();
    await expect.poll(async () => (await vmOf("web")).status.phase, running).toBe("stopped");
    expect((await vmOf("web")).status.reason).toBe("GUEST_SHUTDOWN");
    const plan = await terraform.plan();
    expect(plan.changes).toEqual({ "lodge_vm.web": "update" });
    await terraform.apply();
    expect(await terraform.remaining()).toEqual([]);
  });
});

test("a guest whose QEMU is killed is started again", async () => {
  await applied(vm("web"), async () => {
    const before = await vmOf("web");
    await agent.inside("kill", "-KILL", String(before.status.pid));
    await expect
      .poll(async () => (await vmOf("web")).status.boot_id, running)
      .not.toBe(before.status.boot_id);
    await expect.poll(async () => (await vmOf("web")).status.phase, running).toBe("running");
    const { events } = (await vmOf("web")).status;
    expect(events.map(({ message }) => message).join("\n")).toMatch(/QEMU/u);
  });
});

test("a dnsmasq that is killed is started again, and leases stay", async () => {
  await applied(vm("web"), async (terraform) => {
    const pid = async () =>
      (
        await agent.inside(
          "sh",
          "-c",
          "for p in /proc/[0-9]*; do grep -qs ^dnsmasq $p/cmdline && basename $p; done; true",
        )
      ).trim();
    const first = await pid();
    await agent.inside("kill", "-KILL", first);
    await expect.poll(pid, running).toMatch(/^[0-9]+$/u);
    expect(await pid()).not.toBe(first);
    expect(await terraform.remaining()).toEqual([]);
  });
});

describe("a broken monitor", () => {
  test.each([
    ["missing", (path: string) => rm(path)],
    [
      "no socket any more",
      async (path: string) => {
        await rm(path);
        await writeFile(path, "garbage");
      },
    ],
  ])("that is %s: the guest is found out and mended", async (_, spoil) => {
    await applied(vm("web"), async (terraform) => {
      const { id } = await vmOf("web");
      await agent.kill();
      // The run-time directory is a file system of the host's own: reached through a process in it.
      await spoil(`${agent.root()}/run/lodge/vm/${id}/qmp.sock`);
      await agent.up();
      await expect.poll(async () => (await vmOf("web")).status.phase, running).toBe("running");
      await expect.poll(async () => (await terraform.remaining()).length, running).toBe(0);
    });
  });
});

test("objects that are deleted behind Terraform are made again", async () => {
  await applied(
    `${vm("web")}
resource "lodge_disk" "data" {
  name = "data"
  size = "32MiB"
}`,
    async (terraform) => {
      for (const [kind, name] of [
        ["vm", "web"],
        ["disk", "data"],
        ["address_pool", "lan"],
        ["network", "lan"],
        ["image", "kernel"],
      ] as const) {
        const client = await agent.client(kind);
        const { id } = await client.get({ name }, false);
        await client.delete(id);
        await expect
          .poll(async () => (await client.list([])).some((item) => item.id === id), running)
          .toBe(false);
      }
      const plan = await terraform.plan();
      expect(plan.changes).toMatchObject({
        "lodge_vm.web": "create",
        "lodge_disk.data": "create",
        "lodge_address_pool.lan": "create",
        "lodge_network.lan": "create",
        "lodge_image.kernel": "create",
      });
      await terraform.apply();
      expect(await terraform.remaining()).toEqual([]);
    },
  );
});

describe("a provider that dies in mid-apply", () => {
  test.each(["SIGKILL", "SIGINT"] as const)(
    "by %s: the next apply adopts what was made",
    async (signal) => {
      await using terraform = new LodgeTerraform([agent], `${images}${lan}${vm("web", "")}`);
      try {
        await terraform.apply(
          "-target=lodge_image.kernel",
          "-target=lodge_image.initrd",
          "-target=lodge_address_pool.lan",
        );
        const run = terraform.start(["apply", "-no-color", "-auto-approve"]);
        const vms = await agent.client("vm");
        await expect
          .poll(async () => (await vms.list([])).length, { timeout: 120_000, interval: 20 })
          .toBe(1);
        const [made] = await vms.list([]);
        run.signalGroup(signal);
        await run.result;
        await terraform.apply();
        expect((await vms.list([])).map(({ id }) => id)).toEqual([made!.id]);
        expect((await terraform.state())["lodge_vm.web"].id).toBe(made!.id);
        expect(await terraform.remaining()).toEqual([]);
      } finally {
        await terraform.run(["destroy", "-no-color", "-auto-approve", "-lock=false"]);
      }
      expect(await agent.census()).toEqual(nothing);
    },
  );
});

test("of twenty VMs for five addresses exactly five win, and the others name the pool", async () => {
  const pool = lan.replace("10.20.0.10-10.20.0.99", "10.20.0.10-10.20.0.14");
  await using terraform = new LodgeTerraform(
    [agent],
    `${images}${pool}
resource "lodge_vm" "many" {
  count       = 20
  name        = "vm-\${count.index}"
  memory      = "128MiB"
  power_state = "stopped"
  ${guestKernel}
  ${lanNic}
}`,
  );
  const result = await terraform.run(["apply", "-no-color", "-auto-approve", "-parallelism=20"], {
    accept: "any",
  });
  expect(result.exitCode).toBe(1);
  const errors = result.stderr.split("Error: ").slice(1);
  expect(errors).toHaveLength(15);
  for (const error of errors) expect(error.replaceAll(/\s+/gu, " ")).toMatch(/Address pool lan/u);
  const vms = await (await agent.client("vm")).list([]);
  const addresses = vms.map(({ status }) => status.nic_status[0]!.ipv4_address);
  expect(addresses.toSorted((a, b) => a!.localeCompare(b!))).toEqual([
    "10.20.0.10",
    "10.20.0.11",
    "10.20.0.12",
    "10.20.0.13",
    "10.20.0.14",
  ]);
  await terraform.destroy();
  expect(await agent.census()).toEqual(nothing);
});

describe("what is in the way", () => {
  test("a link with the bridge's name is not touched, and named", async () => {
    await using terraform = new LodgeTerraform([agent], lan);
    await terraform.apply();
    const { status, id } = await (await agent.client("network")).get({ name: "lan" }, false);
    await terraform.destroy();
    expect(await agent.census()).toEqual(nothing);
    await agent.inside("ip", "link", "add", status.bridge, "type", "bridge");
    const networks = await agent.client("network");
    await networks.put({
      id,
      spec: {
        name: "lan",
        mode: "nat",
        subnets: { main: { cidr: "10.20.0.0/24", dns_servers: [] } },
      },
    });
    await expect
      .poll(async () => (await networks.get({ id }, false)).status.phase, running)
      .toBe("failed");
    expect((await networks.get({ id }, false)).status.message).toContain(status.bridge);
    await agent.inside("ip", "link", "delete", status.bridge);
    await expect
      .poll(async () => (await networks.get({ id }, false)).status.phase, running)
      .toBe("ready");
    await networks.delete(id);
    await expect.poll(() => agent.census(), running).toEqual(nothing);
  });

  test("foreign firewall rules are the same before and after", async () => {
    const foreign =
      "add table inet theirs; add chain inet theirs forward { type filter hook forward priority 0; policy accept; }; add rule inet theirs forward ip saddr 192.0.2.1 counter drop";
    await agent.inside("nft", foreign);
    const rules = () => agent.inside("nft", "list", "table", "inet", "theirs");
    const before = await rules();
    await applied(vm("web"), async () => {
      expect(await rules()).toBe(before);
    });
    expect(await rules()).toBe(before);
    await agent.inside("nft", "delete table inet theirs");
  });
});
