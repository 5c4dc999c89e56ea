/** Data sources and functions under the real Terraform; the hosts are fakes, and everything in between is real. */
import { beforeAll, afterAll, describe, expect, test } from "vitest";
import { provider } from "../../scripts/build/executables.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { buildExecutable } from "../harness/executable.ts";
import { Terraform } from "../harness/terraform.ts";

let executable: string;
let rack1: CoreAgent;
let rack2: CoreAgent;

beforeAll(async () => {
  [executable, rack1, rack2] = await Promise.all([
    buildExecutable(provider),
    CoreAgent.start(),
    CoreAgent.start({ name: "rack2" }),
  ]);
  const { world } = rack1;
  await world.furnish();
  await world.put("disk", { name: "data", size: "2GiB" });
  await world.put("vm", world.vm("web", { disks: { data: { disk_id: world.id("disk data") } } }));
  await world.put("vm", world.vm("db", { power_state: "stopped" }));
  await world.quiet();
  await rack2.world.put("network", { name: "lan", subnets: { b: { cidr: "10.50.0.0/24" } } });
  await rack2.world.quiet();
});
afterAll(() => Promise.all([rack1, rack2].map((agent) => agent?.[Symbol.asyncDispose]())));

/** A configuration for both hosts, the first of which is the default. */
function workspace(body: string, env: Record<string, string> = {}): Terraform {
  const terraform = new Terraform({ providers: { "lodge/lodge": executable }, env });
  const { caCertificate, clientCertificate, clientKey } = rack1.files;
  terraform.write({
    "main.tf": `
terraform {
  required_providers {
    lodge = { source = "lodge/lodge" }
  }
}
provider "lodge" {
  hosts = {
    rack1 = { endpoint = "${rack1.endpoint}" }
    rack2 = { endpoint = "${rack2.endpoint}" }
  }
  ca_certificate_file     = "${caCertificate}"
  client_certificate_file = "${clientCertificate}"
  client_key_file         = "${clientKey}"
}
${body}
`,
  });
  return terraform;
}

const refused = async (terraform: Terraform): Promise<string> => {
  const { stderr } = await terraform.run(["plan", "-no-color"], { accept: [1] });
  return stderr.replaceAll(/[\s│╵╷]+/gu, " ");
};

describe("data sources", () => {
  test("one of each kind, by name, by id, and what follows from it", async () => {
    await using terraform = workspace(`
data "lodge_vm" "web" {
  name = "web"
}
data "lodge_disk" "data" {
  id = [for disk in data.lodge_vm.web.disk_status : disk.disk_id if disk.name == "data"][0]
}
data "lodge_image" "debian" {
  name = "debian"
  host = "rack1"
}
data "lodge_address_pool" "lan" {
  name = "lan"
}
data "lodge_network" "lan" {
  id = data.lodge_address_pool.lan.network_id
}
data "lodge_host" "here" {
  name = data.lodge_vm.web.actual_host
}
output "vm" { value = data.lodge_vm.web }
output "disk" { value = [data.lodge_disk.data.name, data.lodge_disk.data.attached_vm_id] }
output "image" { value = data.lodge_image.debian.format }
output "pool" { value = data.lodge_address_pool.lan.used }
output "subnets" { value = data.lodge_network.lan.subnets[*].cidr }
output "host" { value = data.lodge_host.here.cpus }
`);
    await terraform.apply();
    const { world } = rack1;
    expect(await terraform.outputs()).toMatchObject({
      vm: {
        id: world.id("vm web"),
        phase: "running",
        ipv4_address: "10.20.0.10",
        disks: [{ name: "data", disk_id: world.id("disk data"), size: null, image_id: null }],
        nics: [{ name: "eth0", ipv4_pool_id: world.id("address_pool lan") }],
      },
      disk: ["data", world.id("vm web")],
      image: "raw",
      pool: 2,
      subnets: ["10.20.0.0/24"],
      host: 4,
    });
    const again = await terraform.plan();
    expect([again.exitCode, again.stdout]).toMatchObject([0, expect.any(String)]);
  });

  test("many, in a certain order, also none", async () => {
    await using terraform = workspace(`
data "lodge_vms" "all" {}
data "lodge_vms" "off" {
  actual_power_state = "stopped"
  name_regex         = "^d"
}
data "lodge_networks" "all" {}
data "lodge_disks" "none" {
  name_prefix = "nobody"
}
data "lodge_hosts" "all" {}
output "vms" { value = data.lodge_vms.all.vms[*].name }
output "off" { value = data.lodge_vms.off.ids }
output "networks" { value = data.lodge_networks.all.networks[*].hosts }
output "none" { value = data.lodge_disks.none.disks }
output "hosts" { value = { for host in data.lodge_hosts.all.hosts : host.name => host.reachable } }
`);
    await terraform.apply();
    expect(await terraform.outputs()).toEqual({
      vms: ["db", "web"],
      off: [rack1.world.id("vm db")],
      networks: [["rack1"], ["rack2"]],
      none: [],
      hosts: { rack1: true, rack2: true },
    });
  });

  test.each([
    ['name = "nobody"', "No host has a network with the name nobody."],
    ['name = "lan"', "Several hosts have a network with the name lan: rack1, rack2."],
    ["", "Exactly one of id and name says which network is meant."],
    ['id = "lan"', "must be the id (a lower-case UUID) of an object, not its name"],
  ])("an error at its place: %s", async (body, message) => {
    await using terraform = workspace(`data "lodge_network" "x" {\n  ${body}\n}\n`);
    const text = await refused(terraform);
    expect(text).toContain(message);
    expect(text).toMatch(/on main.tf line \d+/u);
  });

  test("wait for what is made in the same apply", async () => {
    await using terraform = workspace(`
resource "lodge_disk" "new" {
  name = "new"
  size = "1GiB"
  host = "rack2"
}
data "lodge_disk" "new" {
  id = lodge_disk.new.id
}
resource "lodge_vm" "new" {
  name   = "new"
  memory = "96MiB"
  host   = "rack2"
  disks = {
    data = { disk_id = data.lodge_disk.new.id }
    own  = { size = "1GiB" }
  }
}
data "lodge_disk" "after" {
  id         = lodge_disk.new.id
  depends_on = [lodge_vm.new]
}
data "lodge_disks" "own" {
  host        = "rack2"
  owner_vm_id = lodge_vm.new.id
}
output "bytes" { value = data.lodge_disk.new.size_bytes }
output "attached" { value = data.lodge_disk.after.attached_vm_id == lodge_vm.new.id }
output "own" { value = length(data.lodge_disks.own.ids) }
`);
    await rack2.during(terraform.apply());
    expect(await terraform.outputs()).toEqual({ bytes: 2 ** 30, attached: true, own: 1 });
    await rack2.during(terraform.destroy());
  });
});

describe("functions", () => {
  test("are called without any host", async () => {
    await using terraform = workspace(`
output "all" {
  value = {
    bytes    = provider::lodge::parse_size("4GiB")
    text     = provider::lodge::format_size(1536 * 1024)
    seconds  = provider::lodge::parse_duration("1h30m")
    mac      = provider::lodge::mac_address("10.20.0.10")
    own      = provider::lodge::mac_from_name("web/eth0")
    hosts    = provider::lodge::cidr_hosts("10.20.0.0/24")
    range    = provider::lodge::cidr_range("10.20.0.0/24", 100, -2)
    all      = provider::lodge::address_list("10.0.0.9-10.0.0.11")
    derived  = cidrhost("10.20.0.0/24", 10) == provider::lodge::address_list("10.20.0.0/24")[9]
  }
}
`);
    await terraform.apply();
    expect((await terraform.outputs())["all"]).toEqual({
      bytes: 4_294_967_296,
      text: "1536KiB",
      seconds: 5400,
      mac: "52:54:0a:14:00:0a",
      own: "02:c3:14:42:68:92",
      hosts: {
        first: "10.20.0.1",
        last: "10.20.0.254",
        count: 254,
        gateway: "10.20.0.1",
        range: "10.20.0.2-10.20.0.254",
      },
      range: "10.20.0.100-10.20.0.254",
      all: ["10.0.0.9", "10.0.0.10", "10.0.0.11"],
      derived: true,
    });
  });

  test("point at the argument that is wrong", async () => {
    await using terraform = workspace(
      'output "x" { value = provider::lodge::cidr_range("10.20.0.0/24", 10, 300) }\n',
    );
    expect(await refused(terraform)).toMatch(
      /Invalid value for "last" parameter: last must be a whole number from 1 to 254, or from -2 to -255, not 300/u,
    );
  });

  test("take the address that an interface will have: its MAC address is the same", async () => {
    await using terraform = workspace(`
data "lodge_vm" "web" {
  name = "web"
}
output "same" {
  value = provider::lodge::mac_address(data.lodge_vm.web.ipv4_address) == data.lodge_vm.web.nic_status[0].mac
}
`);
    await terraform.apply();
    expect(await terraform.outputs()).toEqual({ same: true });
  });
});
