/** Several hosts in one provider block: each by itself, also when another is gone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestAgent, providerBlock } from "../harness/agent.ts";
import { blocksOf, textOf } from "../harness/hcl.ts";
import { LodgeTerraform } from "../harness/lodge.ts";
import { codeBlocksOf } from "../harness/markdown.ts";

let rack1: TestAgent;
let rack2: TestAgent;
let terraform: LodgeTerraform;

const disks = `
resource "lodge_disk" "one" {
  name = "same-name"
  size = "32MiB"
}
resource "lodge_disk" "two" {
  host = "rack2"
  name = "same-name"
  size = "32MiB"
}
`;

beforeAll(async () => {
  rack1 = await TestAgent.start({ name: "rack1" });
  rack2 = await TestAgent.start({ name: "rack2", authority: rack1 });
  terraform = new LodgeTerraform([rack1, rack2], disks);
  await terraform.apply();
});

afterAll(async () => {
  await terraform?.[Symbol.asyncDispose]();
  await rack1?.[Symbol.asyncDispose]();
  await rack2?.[Symbol.asyncDispose]();
});

const stateFile = () => readFileSync(join(terraform.directory, "terraform.tfstate"), "utf8");

test("wish and fact of the host", async () => {
  const state = await terraform.state();
  expect(state["lodge_disk.one"]).toMatchObject({ host: null, actual_host: "rack1" });
  expect(state["lodge_disk.two"]).toMatchObject({ host: "rack2", actual_host: "rack2" });
  expect(await terraform.remaining()).toEqual([]);
});

test("another default host moves nothing", async () => {
  terraform.write({
    "main.tf": `${providerBlock([rack2, rack1]).replace(`default_host            = "rack2"`, `default_host = "rack2"`)}${disks}`,
  });
  expect((await terraform.plan()).changes).toEqual({});
  terraform.rewrite(disks);
});

test("another host means a new object", async () => {
  terraform.rewrite(
    disks
      .replace(`resource "lodge_disk" "one" {`, `resource "lodge_disk" "one" {\n  host = "rack2"`)
      .replace("same-name", "moved"),
  );
  expect((await terraform.plan()).changes).toEqual({ "lodge_disk.one": "delete/create" });
  terraform.rewrite(disks);
});

test("several hosts and none chosen is an error at plan", async () => {
  await using other = new LodgeTerraform([rack1, rack2], disks);
  other.write({ "main.tf": other.read("main.tf").replace(/default_host.*/u, "") });
  const { exitCode, stderr } = await other.run(["plan", "-no-color"], { accept: "any" });
  expect([exitCode, stderr.replaceAll(/\s+/gu, " ")]).toEqual([
    1,
    expect.stringContaining("No host is chosen."),
  ]);
});

test("a host that is gone is an error, the state file stays, and the other one plans", async () => {
  const before = stateFile();
  await rack2.down(false);
  const { exitCode, stderr } = await terraform.run(["plan", "-no-color"], { accept: "any" });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("lodge_disk.two")]);
  const refresh = await terraform.run(["apply", "-no-color", "-refresh-only", "-auto-approve"], {
    accept: "any",
  });
  expect(refresh.exitCode).toBe(1);
  expect(stateFile()).toBe(before);
  const other = await terraform.plan("-target=lodge_disk.one");
  expect(other.changes).toEqual({});
  await rack2.up();
  expect(await terraform.remaining()).toEqual([]);
});

test("destroy needs every host, and leaves nothing on any", async () => {
  await terraform.destroy();
  for (const agent of [rack1, rack2]) {
    expect(await (await agent.client("disk")).list([])).toEqual([]);
  }
});

describe("the guide's own configuration, with a host that is gone", () => {
  const page = join(import.meta.dirname, "..", "..", "docs", "guides", "many-hosts.md");
  const code = codeBlocksOf(readFileSync(page, "utf8"));
  /** What is typed, as a shell takes it apart. */
  const typed = (words: string): string[] => {
    const line = code
      .filter(({ language }) => language === "shell")
      .flatMap(({ text }) => text.split("\n"))
      .find((text) => text.includes(words))!;
    return line.replaceAll("'", "").split(" ").slice(1);
  };
  const quickly = (text: string): string =>
    text.replace(`memory   = "1GiB"`, `memory   = "128MiB"\n  shutdown_timeout = "1s"`);

  test("what its commands name is applied on the other host", async () => {
    const shown = code.filter(({ language }) => language === "terraform");
    const body = textOf(
      shown
        .filter(({ file }) => file === undefined)
        .flatMap(({ text }) => blocksOf(text))
        .filter(({ header }) => !header.startsWith("provider")),
    );
    await using modular = new LodgeTerraform([rack1, rack2], body);
    for (const { file, text } of shown) if (file) modular.write({ [file]: quickly(text) });
    await modular.run(["get"]);
    await modular.apply();
    const { addresses } = await modular.outputs();
    expect(Object.keys(addresses!)).toEqual(["web-0", "web-1", "web-2"]);

    await rack2.down(false);
    expect((await modular.run(["plan"], { accept: "any" })).exitCode).toBe(1);
    await rack1.lodge("vm", "stop", "web-0", "--wait");
    modular.rewrite(body.replace(`"web-2"]`, `"web-2", "web-3"]`));
    const [apply, ...target] = typed("-target='module.");
    const { stdout } = await modular.run([apply!, "-no-color", "-auto-approve", ...target]);
    expect(stdout).toContain("1 added, 1 changed, 0 destroyed");

    await modular.run(typed("state rm"));
    modular.write({
      "main.tf": modular.read("main.tf").replaceAll(/^ +rack2 = .*\n/gmu, ""),
    });
    expect((await modular.plan()).changes).toEqual({});
    await rack2.up();
  });

  test("where one resource has instances on both, each is named, or none is read", async () => {
    const body = `
locals {
  hosts = toset(["rack1", "rack2"])
}
resource "lodge_network" "lan" {
  for_each = local.hosts
  name     = "each"
  hosts    = [each.key]
  subnets  = { main = { cidr = "10.30.0.0/24" } }
}
resource "lodge_address_pool" "lan" {
  for_each   = local.hosts
  name       = "each"
  host       = each.key
  network_id = lodge_network.lan[each.key].id
  subnet     = "main"
  ranges     = ["10.30.0.10-10.30.0.99"]
}
resource "lodge_vm" "web" {
  for_each    = { web-0 = "rack1", web-1 = "rack2" }
  name        = "each-\${each.key}"
  host        = each.value
  memory      = "128MiB"
  power_state = "stopped"
  disks       = { root = { size = "32MiB" } }
  nics = {
    eth0 = {
      network_id   = lodge_network.lan[each.value].id
      ipv4_pool_id = lodge_address_pool.lan[each.value].id
    }
  }
}
`;
    await using terraform = new LodgeTerraform([rack1, rack2], body);
    await terraform.apply();
    await rack2.down(false);
    const [, ...targets] = typed("-target='lodge_network.");
    terraform.rewrite(body.replaceAll("128MiB", "192MiB"));
    const alone = await terraform.run(["plan", "-no-color", targets.at(-1)!], { accept: "any" });
    expect([alone.exitCode, alone.stderr]).toEqual([
      1,
      expect.stringContaining(`lodge_network.lan["rack2"]`),
    ]);
    const { stdout } = await terraform.apply(...targets);
    expect(stdout).toContain("0 added, 1 changed, 0 destroyed");

    terraform.rewrite(
      body.replace(
        `memory      = "128MiB"`,
        `memory      = each.key == "web-0" ? "256MiB" : "128MiB"`,
      ),
    );
    const unread = await terraform.apply("-refresh=false");
    expect(unread.stdout).toContain("0 added, 1 changed, 0 destroyed");
    await rack2.up();
  });
});
