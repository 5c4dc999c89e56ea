/** Several hosts in one provider block: each by itself, also when another is gone. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestAgent, providerBlock } from "../harness/agent.ts";
import { LodgeTerraform } from "../harness/lodge.ts";

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
