/** Bad input: refused at plan, at the attribute, with words that help; and never an object made. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, lan } from "../harness/lodge.ts";

let agent: TestAgent;

beforeAll(async () => {
  agent = await TestAgent.start();
});

afterAll(() => agent?.[Symbol.asyncDispose]());

const nowhere = "00000000-0000-4000-8000-000000000000";
const vm = (attributes: string) => `resource "lodge_vm" "v" {\n${attributes}\n}`;
const named = (attributes: string) => vm(`name = "web"\nmemory = "1GiB"\n${attributes}`);

/** A configuration, the line that the error must point at, and what it must say. */
const table: readonly [name: string, body: string, at: RegExp, says: RegExp][] = [
  [
    "a size without a unit",
    vm(`name = "web"\nmemory = "1024"`),
    /memory = "1024"/u,
    /IEC unit such as/u,
  ],
  ["a size with a decimal unit", vm(`name = "web"\nmemory = "4G"`), /memory = "4G"/u, /not "4G"/u],
  ["memory below the floor", vm(`name = "web"\nmemory = "64MiB"`), /memory/u, /between 96MiB and/u],
  ["memory above the host", vm(`name = "web"\nmemory = "15TiB"`), /memory/u, /of host dev/u],
  ["no processors", named(`cpus = 0`), /cpus/u, />=1/u],
  ["more processors than the host", named(`cpus = 255`), /cpus/u, /of host dev/u],
  ["a name with capitals", vm(`name = "Web"\nmemory = "1GiB"`), /name/u, /lower-case letters/u],
  ["a long name", vm(`name = "${"x".repeat(64)}"\nmemory = "1GiB"`), /name/u, /1 to 63/u],
  [
    "a device name with a dot",
    named(`disks = { "a.b" = { size = "1GiB" } }`),
    /disks/u,
    /begin with a letter/u,
  ],
  [
    "a disk of nothing",
    named(`disks = { root = {} }`),
    /disks/u,
    /exactly one of image_id, disk_id, or size/u,
  ],
  [
    "a disk of two things",
    named(`disks = { root = { disk_id = "${nowhere}", size = "1GiB" } }`),
    /disks/u,
    /set on that disk/u,
  ],
  [
    "an unknown image",
    named(`disks = { root = { image_id = "${nowhere}" } }`),
    /image_id/u,
    /no image/iu,
  ],
  [
    "an unknown network",
    named(`nics = { eth0 = { network_id = "${nowhere}" } }`),
    /network_id/u,
    /no network/iu,
  ],
  [
    "a name for an id",
    named(`nics = { eth0 = { network_id = "lan" } }`),
    /network_id/u,
    /not its name/u,
  ],
  [
    "a multicast MAC",
    named(`nics = { eth0 = { network_id = "${nowhere}", mac = "01:00:5e:00:00:01" } }`),
    /mac/u,
    /unicast/u,
  ],
  [
    "the same MAC twice",
    named(`nics = {
  a = { network_id = "${nowhere}", mac = "52:54:00:00:00:01" }
  b = { network_id = "${nowhere}", mac = "52:54:00:00:00:01" }
}`),
    /mac/u,
    /a has the same MAC/u,
  ],
  [
    "an address without a pool",
    named(`nics = { eth0 = { network_id = "${nowhere}", ipv4_address = "10.0.0.9" } }`),
    /ipv4_address/u,
    /ipv4_pool_id/u,
  ],
  [
    "boot from a stranger",
    named(`boot_order = ["root"]`),
    /boot_order/u,
    /none of the VM's disks/u,
  ],
  [
    "an unknown primary_nic",
    named(`primary_nic = "eth9"`),
    /primary_nic/u,
    /none of the VM's nics/u,
  ],
  ["a power state of its own", named(`power_state = "sleeping"`), /power_state/u, /running/u],
  [
    "a duration without a unit",
    named(`shutdown_timeout = "30"`),
    /shutdown_timeout/u,
    /duration such as/u,
  ],
  ["a wait of no time", named(`wait_for = { timeout = "0s" }`), /timeout/u, /between 1s/u],
  ["a host that is not configured", named(`host = "rack9"`), /host/u, /hosts has no rack9/u],
  [
    "a network without subnets",
    `resource "lodge_network" "n" {\n  name = "n"\n  subnets = {}\n}`,
    /subnets/u,
    /at least one subnet/u,
  ],
  [
    "a CIDR with host bits",
    `resource "lodge_network" "n" {\n  name = "n"\n  subnets = { a = { cidr = "10.1.0.1/24" } }\n}`,
    /cidr/u,
    /without host bits/u,
  ],
  [
    "overlapping subnets",
    `resource "lodge_network" "n" {\n  name = "n"\n  subnets = { a = { cidr = "10.1.0.0/16" }, b = { cidr = "10.1.2.0/24" } }\n}`,
    /cidr/u,
    /overlaps subnet a/u,
  ],
  [
    "a gateway outside",
    `resource "lodge_network" "n" {\n  name = "n"\n  subnets = { a = { cidr = "10.1.0.0/24", gateway = "10.2.0.1" } }\n}`,
    /gateway/u,
    /no host address of/u,
  ],
  [
    "overlapping ranges",
    `resource "lodge_address_pool" "p" {\n  name = "p"\n  network_id = "${nowhere}"\n  subnet = "a"\n  ranges = ["10.0.0.5-10.0.0.9", "10.0.0.9"]\n}`,
    /ranges/u,
    /overlaps/u,
  ],
  [
    "a blank disk without a size",
    `resource "lodge_disk" "d" {\n  name = "d"\n}`,
    /size|lodge_disk/u,
    /needs a size/u,
  ],
  [
    "an image of nowhere",
    `resource "lodge_image" "i" {\n  name = "i"\n}`,
    /host_path|lodge_image/u,
    /exactly one of host_path and local_path/u,
  ],
  [
    "a local file that is not there",
    `resource "lodge_image" "i" {\n  name = "i"\n  local_path = "/nonexistent/kernel"\n}`,
    /local_path/u,
    /cannot be read/u,
  ],
  [
    "a host path outside the roots",
    `resource "lodge_image" "i" {\n  name = "i"\n  host_path = "/etc/passwd"\n}`,
    /host_path/u,
    /may not be copied from/u,
  ],
  [
    "a digest that is none",
    `resource "lodge_image" "i" {\n  name = "i"\n  host_path = "/x"\n  sha256 = "abc"\n}`,
    /sha256/u,
    /64 lower-case hexadecimal/u,
  ],
];

describe("refused at plan", () => {
  test.each(table)("%s", async (_, body, at, says) => {
    await using terraform = new LodgeTerraform([agent], body);
    const { exitCode, stderr, stdout } = await terraform.run(["plan", "-no-color"], {
      accept: "any",
    });
    const text = stderr.replaceAll(/\s+/gu, " ");
    expect([exitCode, stdout.includes("Plan:")]).toEqual([1, false]);
    expect(stderr).toMatch(at);
    expect(text).toMatch(says);
    expect(text).not.toContain("Plugin error");
  });

  test("a wrong digest of a local file", async () => {
    await using terraform = new LodgeTerraform([agent], "");
    const path = join(terraform.directory, "image.bin");
    writeFileSync(path, "content");
    terraform.rewrite(
      `resource "lodge_image" "i" {\n  name = "i"\n  local_path = "${path}"\n  sha256 = "${"0".repeat(64)}"\n}`,
    );
    const { exitCode, stderr } = await terraform.run(["plan", "-no-color"], { accept: "any" });
    expect([exitCode, stderr.replaceAll(/\s+/gu, " ")]).toEqual([
      1,
      expect.stringContaining("has the digest"),
    ]);
  });
});

describe("refused at plan, against what is there", () => {
  let terraform: LodgeTerraform;
  const existing = `${lan}
resource "lodge_disk" "d" {
  name = "taken"
  size = "64MiB"
}
resource "lodge_vm" "v" {
  name                = "taken"
  memory              = "128MiB"
  power_state         = "stopped"
  deletion_protection = true
  disks = { scratch = { size = "64MiB" }, d = { disk_id = lodge_disk.d.id } }
  nics = { eth0 = {
    network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id,
    ipv4_address = "10.20.0.20", mac = "52:54:00:00:00:01"
  } }
}
`;

  beforeAll(async () => {
    terraform = new LodgeTerraform([agent], existing);
    await terraform.apply();
  });

  afterAll(async () => {
    terraform.rewrite(existing.replace("deletion_protection = true", ""));
    await terraform.apply();
    await terraform.destroy();
    await terraform[Symbol.asyncDispose]();
  });

  const more = (attributes: string) => `${existing}
resource "lodge_vm" "w" {
  memory = "128MiB"
  power_state = "stopped"
${attributes}
}`;
  const nic = (attributes: string) =>
    `name = "new"\nnics = { eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id, ${attributes} } }`;

  test.each<[string, () => string, RegExp]>([
    [
      "a name that is taken",
      () => more(`name = "taken"`),
      /named taken exists already.*terraform import/u,
    ],
    [
      "a MAC address that is taken",
      () => more(nic(`mac = "52:54:00:00:00:01"`)),
      /52:54:00:00:00:01/u,
    ],
    ["an address that is taken", () => more(nic(`ipv4_address = "10.20.0.20"`)), /10\.20\.0\.20/u],
    [
      "an address outside the pool",
      () => more(nic(`ipv4_address = "10.20.0.5"`)),
      /10\.20\.0\.5.*(?:pool|range)/u,
    ],
    [
      "a disk that is attached",
      () => more(`name = "new"\ndisks = { d = { disk_id = lodge_disk.d.id } }`),
      /attached/u,
    ],
    [
      "a subnet that overlaps another network's",
      () => `${existing}
resource "lodge_network" "n" {
  name = "n"
  subnets = { a = { cidr = "10.20.0.128/25" } }
}`,
      /10\.20\.0\.0\/24/u,
    ],
    [
      "an inline disk that shrinks",
      () => existing.replace(`scratch = { size = "64MiB" }`, `scratch = { size = "32MiB" }`),
      /cannot shrink/u,
    ],
    [
      "a disk that shrinks",
      () => existing.replace(`size = "64MiB"\n}`, `size = "32MiB"\n}`),
      /cannot shrink/u,
    ],
    [
      "a pool without an address that is used",
      () => existing.replace("10.20.0.10-10.20.0.99", "10.20.0.30-10.20.0.99"),
      /10\.20\.0\.20/u,
    ],
  ])("%s", async (_, body, says) => {
    terraform.rewrite(body());
    const { exitCode, stderr } = await terraform.run(["plan", "-no-color"], { accept: "any" });
    expect([exitCode, stderr.replaceAll(/[\s│╵╷]+/gu, " ")]).toEqual([
      1,
      expect.stringMatching(says),
    ]);
  });

  test("a protected VM is not destroyed, and not replaced", async () => {
    terraform.rewrite(existing);
    const destroy = await terraform.run(["plan", "-no-color", "-destroy"], { accept: "any" });
    expect([destroy.exitCode, destroy.stderr]).toEqual([
      1,
      expect.stringContaining("is protected"),
    ]);
    terraform.rewrite(
      existing.replace(`name                = "taken"`, `name = "taken"\nhost = "dev"`),
    );
    expect((await terraform.plan()).changes).toEqual({ "lodge_vm.v": "update" });
  });
});
