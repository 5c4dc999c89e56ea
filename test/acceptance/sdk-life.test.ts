/** Lives of a resource of the SDK's own provider, under the real Terraform. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  address,
  full,
  items,
  remaining,
  rewrite,
  setItems,
  workspace,
  type Stored,
} from "../harness/acceptance/memory-workspace.ts";

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
