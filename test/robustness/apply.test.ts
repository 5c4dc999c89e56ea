/** Applies of the real Terraform that are cut short, or that want more than there is. */
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complete } from "../harness/acceptance/sample.ts";
import { nothing, TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, guestKernel, lan, lanNic, smallGuest } from "../harness/lodge.ts";

const signals = complete ? (["SIGKILL", "SIGINT"] as const) : (["SIGKILL"] as const);

let agent: TestAgent;
let images: string;

beforeAll(async () => {
  const { kernel, initrd } = await smallGuest();
  const image = (name: string, path: string) =>
    `resource "lodge_image" "${name}" {\n  name = "${name}"\n  host_path = "${path}"\n}\n`;
  images = image("kernel", kernel) + image("initrd", initrd);
  agent = await TestAgent.start({ imageRoots: [dirname(kernel)] });
});
afterAll(() => agent?.[Symbol.asyncDispose]());

const web = `
resource "lodge_vm" "web" {
  name   = "web"
  memory = "128MiB"
  shutdown_timeout = "5s"
  ${guestKernel}
  ${lanNic}
  disks = { scratch = { size = "32MiB" } }
  wait_for = { ipv4 = true, timeout = "10m" }
}
`;

describe("a provider that dies in mid-apply", () => {
  test.each(signals)("by %s: the next apply adopts what was made", async (signal) => {
    await using terraform = new LodgeTerraform([agent], `${images}${lan}${web}`);
    try {
      await terraform.apply(
        "-target=lodge_image.kernel",
        "-target=lodge_image.initrd",
        "-target=lodge_address_pool.lan",
      );
      const run = terraform.start(["apply", "-no-color", "-auto-approve"]);
      const vms = await agent.client("vm");
      await expect.poll(async () => (await vms.list([])).length, { interval: 20 }).toBe(1);
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
  });
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
