/** What fails, and what is no resource, in the SDK's own provider under the real Terraform. */
import { describe, expect, test } from "vitest";
import {
  address,
  items,
  remaining,
  rewrite,
  workspace,
} from "../harness/acceptance/memory-workspace.ts";

describe("failures", () => {
  test("a create that made nothing leaves nothing in the state", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "create"\n}\n',
    );
    const result = await terraform.run(["apply", "-no-color", "-auto-approve"], { accept: [1] });
    expect(result.stderr).toContain("the backend refused");
    expect(result.stderr).not.toMatch(/rpc error|Plugin error|did not respond/);
    expect(await terraform.state()).toEqual({});
  });

  test("a create that stopped half-way is kept, and replaced", async () => {
    const body = 'resource "memory_item" "a" {\n  name = "x"\n  trouble = "partial"\n}\n';
    await using terraform = workspace(body);
    const result = await terraform.run(["apply", "-no-color", "-auto-approve"], { accept: [1] });
    expect(result.stderr).toContain("the backend stopped half-way");
    expect((await terraform.state())[address]?.id).toBe(items(terraform)[0]?.id);
    rewrite(terraform, body.replace('  trouble = "partial"\n', ""));
    expect((await terraform.plan()).changes).toEqual({ [address]: "delete/create" });
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("an update and a delete that fail keep what is true", async () => {
    const body = 'resource "memory_item" "a" {\n  name = "x"\n}\n';
    await using terraform = workspace(body);
    await terraform.apply();
    const before = items(terraform);
    rewrite(terraform, body.replace("}", '  size = "9GiB"\n  trouble = "update"\n}'));
    await terraform.run(["apply", "-no-color", "-auto-approve"], { accept: [1] });
    expect(items(terraform)).toEqual(before);
    expect((await terraform.plan()).changes).toEqual({ [address]: "update" });
    rewrite(terraform, body.replace("}", '  trouble = "delete"\n}'));
    await terraform.apply();
    const result = await terraform.run(["destroy", "-no-color", "-auto-approve"], { accept: [1] });
    expect(result.stderr).toContain("the backend refused");
    expect((await terraform.state())[address]).toBeDefined();
  });

  test("bad input is an error at plan, at its place", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  size = "4 gigabytes"\n  disks = { Root = { size = "1GiB" } }\n}\n',
    );
    const result = await terraform.run(["plan", "-no-color"], { accept: [1] });
    expect(result.stderr).toMatch(
      /on main.tf line \d+, in resource "memory_item" "a":\n\s+\d+:\s+size/,
    );
    expect(result.stderr).toContain("lower-case letters");
  });

  test("protection refuses at plan", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  protection = true\n}\n',
    );
    await terraform.apply();
    const result = await terraform.run(["plan", "-destroy", "-no-color"], { accept: [1] });
    expect(result.stderr).toContain("It is protected");
    expect(items(terraform)).toHaveLength(1);
  });
});

describe("the other kinds", () => {
  test("data source and functions", async () => {
    await using terraform = workspace(`
resource "memory_item" "a" {
  name = "one"
  size = "3GiB"
}
data "memory_items" "all" {
  prefix     = "o"
  minimum    = "1GiB"
  depends_on = [memory_item.a]
}
output "names" { value = data.memory_items.all.names }
output "joined" { value = provider::memory::join_names("-", "a", "b", "c") }
output "bytes" { value = provider::memory::size_in_bytes("4GiB") }
output "wrapped" { value = provider::memory::wrap({ a = [1, true] }) }
`);
    await terraform.apply();
    expect(await terraform.outputs()).toEqual({
      names: ["one"],
      joined: "a-b-c",
      bytes: 4_294_967_296,
      wrapped: { wrapped: { a: [1, true] }, list: [1, "two", null] },
    });
    expect(await remaining(terraform)).toEqual([]);
  });

  test("a function's error points at its argument", async () => {
    await using terraform = workspace(
      'output "x" { value = provider::memory::join_names("-", "a", "") }\n',
    );
    const result = await terraform.run(["plan", "-no-color"], { accept: [1] });
    expect(result.stderr).toContain("a name must not be empty");
  });

  test("ephemeral and write-only values reach the backend and no file", async () => {
    const body = `
ephemeral "memory_token" "t" {
  audience = "me"
}
resource "memory_item" "a" {
  name                = "one"
  password_wo         = ephemeral.memory_token.t.token
  password_wo_version = 1
}
`;
    await using terraform = workspace(body);
    const plan = await terraform.plan();
    expect(JSON.stringify(plan.json)).not.toContain("token-for-me");
    await terraform.apply();
    expect(items(terraform)[0]?.["password"]).toBe("token-for-me");
    expect(terraform.read("terraform.tfstate")).not.toContain("token-for-me");
    expect(terraform.log).not.toContain("token-for-me");
    expect(await remaining(terraform)).toEqual([]);
    rewrite(
      terraform,
      body.replace('audience = "me"', 'audience = "you"').replace("version = 1", "version = 2"),
    );
    expect((await terraform.plan()).changes).toEqual({ [address]: "update" });
    await terraform.apply();
    expect(items(terraform)[0]?.["password"]).toBe("token-for-you");
  });

  test("an ephemeral value is renewed in time", async () => {
    await using terraform = workspace(`
ephemeral "memory_token" "t" {
  audience    = "me"
  lifetime_ms = 50
}
resource "memory_item" "a" {
  name                = "one"
  password_wo         = ephemeral.memory_token.t.token
  password_wo_version = 1
}
`);
    await terraform.apply();
    expect(items(terraform)[0]?.["password"]).toBe("token-for-me");
  });

  test("every ephemeral value that is opened is closed: twice in an apply", async () => {
    await using terraform = workspace(
      `
ephemeral "memory_token" "t" {
  audience = "me"
}
resource "memory_item" "a" {
  name                = "one"
  password_wo         = ephemeral.memory_token.t.token
  password_wo_version = 1
}
`,
    );
    const { stdout } = await terraform.apply();
    const count = (event: string) => stdout.split(`memory_token.t: ${event}`).length - 1;
    expect(count("Opening complete")).toBe(2);
    expect(count("Closing complete")).toBe(2);
  });

  test("values that are known only after apply", async () => {
    await using terraform = workspace(`
resource "terraform_data" "late" {
  input = "x"
}
resource "memory_item" "a" {
  name   = "n-\${terraform_data.late.id}"
  labels = { id = terraform_data.late.id }
  disks  = { for name in ["root"] : name => { size = terraform_data.late.output == "x" ? "1GiB" : "2GiB" } }
}
provider "memory" {
  alias = "late"
  path  = "\${path.cwd}/\${terraform_data.late.output}.json"
}
resource "memory_item" "b" {
  provider = memory.late
  name     = "b"
}
`);
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });
});
