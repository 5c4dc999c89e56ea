/** The SDK's own provider, whose backend is a file, under the real Terraform. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { startPlugin } from "@lodge/provider/sdk/testing/plugin-client.ts";
import { memoryProvider } from "../../scripts/build/executables.ts";
import { buildExecutable, pluginFixture } from "../harness/executable.ts";
import { Terraform, type TerraformOptions } from "../harness/terraform.ts";

let executable: string;
let fixture: string;

beforeAll(async () => {
  [executable, fixture] = await Promise.all([
    buildExecutable(memoryProvider),
    buildExecutable(pluginFixture),
  ]);
});

const address = "memory_item.a";

/** A working directory with the provider configured; its backend is `items.json` there. */
function workspace(body: string, options: Partial<TerraformOptions> = {}): Terraform {
  const terraform = new Terraform({ providers: { "lodge/memory": executable }, ...options });
  terraform.write({ "main.tf": configuration(body, terraform) });
  return terraform;
}

function configuration(body: string, terraform: Terraform): string {
  return `
terraform {
  required_providers {
    memory = { source = "lodge/memory" }
  }
}
provider "memory" {
  path = "${join(terraform.directory, "items.json")}"
}
${body}
`;
}

const rewrite = (terraform: Terraform, body: string) =>
  terraform.write({ "main.tf": configuration(body, terraform) });

interface Stored {
  id: string;
  name: string;
  size: string;
  [key: string]: unknown;
}

function items(terraform: Terraform): Stored[] {
  const path = join(terraform.directory, "items.json");
  return existsSync(path) ? Object.values(JSON.parse(readFileSync(path, "utf8"))) : [];
}

function setItems(terraform: Terraform, stored: Stored[]): void {
  const all = Object.fromEntries(stored.map((item) => [item.id, item]));
  writeFileSync(join(terraform.directory, "items.json"), JSON.stringify(all));
}

/** What plans with and without a refresh would still do: nothing, once all is applied. */
async function remaining(terraform: Terraform): Promise<string[]> {
  const plans = [await terraform.plan(), await terraform.plan("-refresh=false")];
  return plans.filter((plan) => plan.exitCode !== 0).map((plan) => plan.stdout);
}

const full = `
resource "memory_item" "a" {
  name            = "one"
  size            = "4096MiB"
  count_of_things = 123456789012345678901234567890
  ratio           = 0.1
  labels          = { a = "1", "b c" = "ü" }
  steps           = ["x", "y"]
  ports           = [443, 80]
  settings        = { threads = 3 }
  disks = {
    root = { size = "10GiB", image = "debian" }
    data = { size = "1024MiB" }
  }
  rules    = [{ port = 22 }, { port = 53, protocol = "udp" }]
  partners = [{ name = "p" }, { name = "q", weight = 5 }]
  secret   = "do not show"
}
`;

describe("the life of a resource", () => {
  test("init from a mirror, validate, plan, apply, empty plan, destroy", async () => {
    await using terraform = workspace(full, { installation: "mirror" });
    await terraform.init();
    await terraform.run(["validate"]);
    const plan = await terraform.plan();
    expect(plan.changes).toEqual({ [address]: "create" });
    expect(plan.stdout).not.toContain("do not show");
    await terraform.apply();
    const state = (await terraform.state())[address];
    expect(state).toMatchObject({
      // The user's spelling is kept, though the backend's is another one.
      size: "4096MiB",
      size_bytes: 4_294_967_296,
      ports: [80, 443],
      zone: "somewhere",
      settings: { threads: 3, level: "low" },
    });
    expect(terraform.read("terraform.tfstate")).toContain("123456789012345678901234567890");
    expect(await remaining(terraform)).toEqual([]);
    await terraform.destroy();
    expect(items(terraform)).toEqual([]);
    expect(await terraform.state()).toEqual({});
  });

  test("the same value in another spelling is no change", async () => {
    await using terraform = workspace(full);
    await terraform.apply();
    rewrite(terraform, full.replace("4096MiB", "4GiB").replace("1024MiB", "1GiB"));
    const plan = await terraform.plan();
    expect(plan.changes).toEqual({});
  });

  test("update in place, keeping what the backend has chosen", async () => {
    await using terraform = workspace(full);
    await terraform.apply();
    const before = (await terraform.state())[address];
    rewrite(terraform, full.replace('"4096MiB"', '"8GiB"').replace("threads = 3", "threads = 4"));
    const plan = await terraform.plan();
    expect(plan.changes).toEqual({ [address]: "update" });
    expect(plan.json.resource_changes[0].change.after_unknown).not.toMatchObject({ id: true });
    await terraform.apply();
    const after = (await terraform.state())[address];
    expect(after).toMatchObject({ id: before.id, zone: before.zone, size_bytes: 8_589_934_592 });
    expect(after.settings.token).toBe(before.settings.token);
    expect(await remaining(terraform)).toEqual([]);
  });

  test.each([
    ["an attribute", '"one"', '"two"'],
    ["a nested attribute", '"debian"', '"alpine"'],
    ["one that the provider decides on", "ratio ", 'mode = "safe"\n  ratio '],
  ])("replace because of %s", async (_, from, to) => {
    const initial = from === "ratio " ? full.replace("ratio ", 'mode = "fast"\n  ratio ') : full;
    await using terraform = workspace(initial);
    await terraform.apply();
    const before = items(terraform)[0]?.id;
    rewrite(terraform, full.replace(from, to));
    const plan = await terraform.plan();
    expect(plan.changes).toEqual({ [address]: "delete/create" });
    await terraform.apply();
    expect(items(terraform)).toHaveLength(1);
    expect(items(terraform)[0]?.id).not.toBe(before);
    expect(await remaining(terraform)).toEqual([]);
  });

  test("an id does not become unknown for those who use it", async () => {
    const second = `resource "memory_item" "b" {
  name = "of-\${substr(memory_item.a.id, 0, 8)}"
}`;
    await using terraform = workspace(full + second);
    await terraform.apply();
    rewrite(terraform, full.replace('"4096MiB"', '"8GiB"') + second);
    expect((await terraform.plan()).changes).toEqual({ [address]: "update" });
  });
});

describe("drift", () => {
  test("a change behind the back is shown and put right", async () => {
    await using terraform = workspace(full);
    await terraform.apply();
    setItems(
      terraform,
      items(terraform).map((item) => ({ ...item, size: "1073741824" })),
    );
    const plan = await terraform.plan();
    expect(plan.drift).toEqual({ [address]: "update" });
    expect(plan.changes).toEqual({ [address]: "update" });
    await terraform.apply();
    expect(items(terraform)[0]?.size).toBe("4294967296");
    expect(await remaining(terraform)).toEqual([]);
  });

  test("refresh-only takes it over", async () => {
    await using terraform = workspace(full);
    await terraform.apply();
    setItems(
      terraform,
      items(terraform).map((item) => ({ ...item, address: "10.9.9.9" })),
    );
    const plan = await terraform.plan("-refresh-only");
    expect(plan.drift).toEqual({ [address]: "update" });
    await terraform.apply("-refresh-only");
    expect((await terraform.state())[address].address).toBe("10.9.9.9");
    expect(await remaining(terraform)).toEqual([]);
  });

  test("a gone object is made again", async () => {
    await using terraform = workspace(full);
    await terraform.apply();
    setItems(terraform, []);
    const plan = await terraform.plan();
    expect(plan.drift).toEqual({ [address]: "delete" });
    expect(plan.changes).toEqual({ [address]: "create" });
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("a backend that cannot be read is an error, and the state stays as it is", async () => {
    await using terraform = workspace(full);
    await terraform.apply();
    const state = terraform.read("terraform.tfstate");
    writeFileSync(join(terraform.directory, "items.json"), "not JSON");
    const result = await terraform.run(["plan", "-no-color"], { accept: [1] });
    expect(result.stderr).toContain("memory_item");
    expect(result.stderr).not.toContain("rpc error");
    expect(terraform.read("terraform.tfstate")).toBe(state);
  });
});

describe("import and taint", () => {
  const stored: Stored = {
    id: "11111111-2222-3333-4444-555555555555",
    name: "old",
    size: "2147483648",
    zone: "here",
    address: "10.0.0.7",
    revision: 3,
    passwordVersion: null,
    password: null,
    rest: {
      quota: null,
      limits: null,
      ratio: 1.5,
      enabled: true,
      mode: "fast",
      labels: { a: "b" },
      steps: null,
      secret: null,
      disks: { root: { size: "1GiB", image: null, serial: "s-1" } },
      rules: null,
      protection: false,
      trouble: null,
      count_of_things: null,
      ports: [22],
      partners: null,
      settings: null,
    },
  };
  const matching = `
resource "memory_item" "a" {
  name   = "old"
  size   = "2GiB"
  ratio  = 1.5
  mode   = "fast"
  labels = { a = "b" }
  ports  = [22]
  disks  = { root = { size = "1GiB" } }
}
`;

  test("the command line's import, and an empty plan after it", async () => {
    await using terraform = workspace(matching);
    setItems(terraform, [stored]);
    await terraform.import(address, stored.id);
    expect((await terraform.state())[address]).toMatchObject({ id: stored.id, zone: "here" });
    expect(await remaining(terraform)).toEqual([]);
  });

  test("of something that is not there", async () => {
    await using terraform = workspace(matching);
    const result = await terraform.run(["import", "-no-color", address, "nothing"], {
      accept: [1],
    });
    expect(result.stderr).toContain("there is no object nothing");
  });

  test("an import block", async () => {
    await using terraform = workspace(
      `${matching}\nimport {\n  to = ${address}\n  id = "${stored.id}"\n}\n`,
    );
    setItems(terraform, [stored]);
    const plan = await terraform.plan();
    expect(plan.changes).toEqual({});
    expect(plan.stdout).toContain("1 to import");
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("an import block with generated configuration, which plans empty", async () => {
    await using terraform = workspace(`import {\n  to = ${address}\n  id = "${stored.id}"\n}\n`);
    setItems(terraform, [stored]);
    await terraform.run(["plan", "-no-color", "-generate-config-out=generated.tf"]);
    const generated = terraform.read("generated.tf");
    expect(generated).toContain("name ");
    for (const computed of ["revision", "size_bytes", "disk_status"]) {
      expect(generated).not.toMatch(new RegExp(`^\\s*${computed} `, "m"));
    }
    await terraform.apply();
    expect((await terraform.state())[address]).toMatchObject({ id: stored.id, mode: "fast" });
    expect(await remaining(terraform)).toEqual([]);
  });

  test("a tainted object is replaced", async () => {
    await using terraform = workspace(matching);
    await terraform.apply();
    const before = items(terraform)[0]?.id;
    await terraform.run(["taint", address]);
    expect((await terraform.plan()).changes).toEqual({ [address]: "delete/create" });
    await terraform.apply();
    expect(items(terraform).map((item) => item.id)).not.toEqual([before]);
    expect(items(terraform)).toHaveLength(1);
  });

  test("state of an older schema is upgraded, and the plan is empty", async () => {
    await using terraform = workspace(
      `resource "memory_item" "a" {\n  name = "old"\n  size = "2GiB"\n}\n`,
    );
    await terraform.apply();
    const [item] = items(terraform);
    const state = JSON.parse(terraform.read("terraform.tfstate"));
    state.resources[0].instances[0].schema_version = 0;
    state.resources[0].instances[0].attributes = {
      id: item?.id,
      title: "old",
      bytes: 2_147_483_648,
    };
    terraform.write({ "terraform.tfstate": JSON.stringify(state) });
    expect((await terraform.plan()).changes).toEqual({});
  });
});

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

describe("the process", () => {
  test("Ctrl-C: the object that was made is in the state, and nothing is left running", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "wait"\n}\n',
    );
    const running = terraform.start(["apply", "-no-color", "-auto-approve"]);
    await expect.poll(() => items(terraform).length, { timeout: 60_000 }).toBe(1);
    running.signalGroup("SIGINT");
    const result = await running.result;
    expect(result.exitCode).toBe(1);
    expect(result.stderr).not.toMatch(/did not respond|rpc error/);
    expect((await terraform.state())[address]?.id).toBe(items(terraform)[0]?.id);
    await expect.poll(() => terraform.processes(), { timeout: 10_000 }).toEqual([]);
    expect(terraform.sockets()).toEqual([]);
  });

  test("Terraform killed: the provider ends by itself, and its socket is removed", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "wait"\n}\n',
    );
    const running = terraform.start(["apply", "-no-color", "-auto-approve"]);
    await expect.poll(() => items(terraform).length, { timeout: 60_000 }).toBe(1);
    expect(terraform.processes().length).toBeGreaterThan(1);
    running.child.kill("SIGKILL");
    await running.result;
    await expect.poll(() => terraform.processes(), { timeout: 20_000 }).toEqual([]);
    expect(terraform.sockets()).toEqual([]);
  });

  test("a crash shows its stack to the user", async () => {
    await using terraform = new Terraform({ providers: { "lodge/fixture": fixture } });
    terraform.write({
      "main.tf": `
terraform {
  required_providers {
    fixture = { source = "lodge/fixture" }
  }
}
resource "fixture_thing" "a" {}
`,
    });
    const result = await terraform.run(["plan", "-no-color"], { accept: [1] });
    expect(result.stderr).toContain("Stack trace from the terraform-provider-fixture plugin");
    expect(result.stderr).toContain("panic: Error: nobody awaits this");
    await expect.poll(() => terraform.processes(), { timeout: 10_000 }).toEqual([]);
  });

  test("every process ends when Terraform asks, and is never killed", async () => {
    await using terraform = workspace(full, { log: "DEBUG" });
    await terraform.apply();
    await terraform.plan();
    expect(terraform.log.match(/plugin process exited/g)?.length).toBeGreaterThan(4);
    expect(terraform.log).not.toMatch(/failed to exit gracefully|plugin failed|signal: killed/i);
    expect(terraform.sockets()).toEqual([]);
  });

  test("the provider's log has its levels, in Terraform's log", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  trouble = "create"\n}\n',
      {
        log: "ERROR",
      },
    );
    await terraform.run(["apply", "-auto-approve"], { accept: [1] });
    expect(terraform.log).toMatch(
      /\[ERROR\] provider\.terraform-provider-memory: Unable to create memory_item/,
    );
  });

  test("a value of 12 MB", async () => {
    await using terraform = workspace(
      'resource "memory_item" "a" {\n  name = "x"\n  secret = file("large.txt")\n}\n',
      {
        log: "OFF",
      },
    );
    terraform.write({ "large.txt": "0123456789ab".repeat(1_000_000) });
    await terraform.apply();
    expect(items(terraform)[0]?.["rest"]).toMatchObject({
      secret: expect.objectContaining({ length: 12_000_000 }),
    });
    expect((await terraform.plan()).changes).toEqual({});
  });

  test("a process per alias, ten at once", async () => {
    const aliases = Array.from(
      { length: 10 },
      (_, index) => `
provider "memory" {
  alias = "p${index}"
  path  = "\${path.cwd}/p${index}.json"
}
resource "memory_item" "p${index}" {
  provider = memory.p${index}
  name     = "p${index}"
}`,
    );
    await using terraform = workspace(aliases.join("\n"));
    await terraform.apply();
    expect((await terraform.plan()).changes).toEqual({});
    await terraform.destroy();
    expect(terraform.sockets()).toEqual([]);
  });

  test("without TLS, if Terraform is told so", async () => {
    await using terraform = workspace(full, { env: { TF_DISABLE_PLUGIN_TLS: "1" } });
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("under NODE_OPTIONS that would stop any Node", async () => {
    await using terraform = workspace(full, { env: { NODE_OPTIONS: "--require /nonexistent.js" } });
    await terraform.apply();
    expect(await remaining(terraform)).toEqual([]);
  });

  test("attached to a process that somebody debugs, which serves command after command", async () => {
    await using terraform = workspace(full);
    await using plugin = startPlugin({ command: [executable, "-debug"], clientCertificate: false });
    await expect.poll(() => plugin.stdout).toContain("TF_REATTACH_PROVIDERS=");
    const env = { TF_REATTACH_PROVIDERS: /TF_REATTACH_PROVIDERS='(.*)'/.exec(plugin.stdout)?.[1] };
    await terraform.run(["apply", "-auto-approve"], { env });
    const plan = await terraform.run(["plan", "-detailed-exitcode"], { env });
    expect(plan.exitCode).toBe(0);
    await terraform.run(["destroy", "-auto-approve"], { env });
    expect(items(terraform)).toEqual([]);
    expect(plugin.child.exitCode).toBe(null);
    plugin.child.kill("SIGTERM");
    expect(await plugin.exit).toEqual({ code: 0, signal: null });
  });
});
