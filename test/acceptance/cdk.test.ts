/** CDKTF and CDK Terrain with the real Terraform: the schema, the example stacks, and VMs that they make. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startPlugin, type PluginProcess } from "@lodge/provider/sdk/testing/plugin-client.ts";
import { ensureBindings } from "../../cdk-examples/scripts/bindings.ts";
import { libraryNames, type LibraryName } from "../../cdk-examples/scripts/libraries.ts";
import { schemaDocument } from "../../cdk-examples/scripts/schema.ts";
import { synthesizeOne } from "../../cdk-examples/scripts/stacks.ts";
import { nothing, TestAgent } from "../harness/agent.ts";
import { dist } from "../harness/executable.ts";
import { LodgeTerraform, smallGuest } from "../harness/lodge.ts";
import { Terraform } from "../harness/terraform.ts";

const all = process.env["LODGE_TEST_ALL"] === "1";
const providers = { "lodge/lodge": join(dist, "terraform-provider-lodge") };

let agents: TestAgent[];
/** A provider that runs already, and that Terraform attaches itself to. */
let attached: PluginProcess;
let reattach: string;
/** Where the provider finds the agent of this machine and the certificates. */
let access: Record<string, string>;
let stacks: Readonly<Record<string, { readonly name: string; readonly props?: object }>>;

beforeAll(async () => {
  const [guest] = await Promise.all([smallGuest(), ensureBindings()]);
  const rack1 = await TestAgent.start({ name: "rack1" });
  agents = [rack1];
  for (const name of ["rack2", "rack3"])
    agents.push(await TestAgent.start({ name, authority: rack1 }));
  const { files } = rack1;
  const image = join(files.directory, "import", "debian.img");
  await writeFile(image, Buffer.alloc(4096, 7));
  access = {
    ...rack1.env,
    LODGE_CA_CERTIFICATE_FILE: files.caCertificate,
    LODGE_CLIENT_CERTIFICATE_FILE: files.clientCertificate,
    LODGE_CLIENT_KEY_FILE: files.clientKey,
  };
  const endpoints = agents.map((agent) => [agent.name, `unix:${agent.files.socket}`] as const);
  const certificates = {
    caCertificate: files.caCertificate,
    clientCertificate: files.clientCertificate,
    clientKey: files.clientKey,
  };
  stacks = {
    "one-vm": { name: "OneVm", props: { guest } },
    "web-tier": { name: "WebTier", props: { guest, hosts: Object.fromEntries(endpoints) } },
    imported: { name: "Imported" },
    "every-attribute": {
      name: "EveryAttribute",
      props: { guest, image, endpoint: endpoints[0]![1], ...certificates },
    },
  };
  attached = startPlugin({
    command: [join(dist, "terraform-provider-lodge"), "-debug"],
    clientCertificate: false,
    env: access,
  });
  const said = () => /TF_REATTACH_PROVIDERS='(.*)'/u.exec(attached.stdout)?.[1];
  reattach = await vi.waitUntil(said, { timeout: 60_000 });
});

afterAll(async () => {
  await attached?.[Symbol.asyncDispose]();
  for (const agent of agents ?? []) await agent[Symbol.asyncDispose]();
});

/** Terraform in the directory of a stack: with the provider that is attached, or installed as users do. */
async function workspace(library: LibraryName, id: string, how: "attached" | "installed") {
  const terraform = new Terraform({
    providers,
    installation: "mirror",
    env: how === "attached" ? { TF_REATTACH_PROVIDERS: reattach } : access,
  });
  const out = join(terraform.directory, "out");
  terraform.write({ "out/.keep": "" });
  await synthesizeOne(library, { id, ...stacks[id]! }, out);
  terraform.write({
    "cdk.tf.json": terraform.read(join("out", "stacks", id, "cdk.tf.json")),
  });
  await terraform.init();
  return terraform;
}

const count = (changes: Readonly<Record<string, string>>, action: string): number =>
  Object.values(changes).filter((value) => value === action).length;

test("the schema document is the one that Terraform prints", async () => {
  await using terraform = new LodgeTerraform([agents[0]!], "");
  const { stdout } = await terraform.run(["providers", "schema", "-json"]);
  const printed = JSON.parse(stdout);
  const [provider] = Object.values<Record<string, unknown>>(printed.provider_schemas);
  const [ours] = Object.values(schemaDocument().provider_schemas) as unknown as [
    Record<string, unknown>,
  ];
  // Later versions of Terraform know of more than bindings are made of.
  const known = Object.fromEntries(Object.keys(ours).map((key) => [key, provider![key]]));
  expect(printed.format_version).toBe("1.0");
  expect(known).toEqual(ours);
});

describe.each(libraryNames)("%s", (library) => {
  test.each(["one-vm", "web-tier", "every-attribute"])(
    "%s is valid, and its plan creates all of it",
    async (id) => {
      await using terraform = await workspace(library, id, "attached");
      const { stdout } = await terraform.run(["validate", "-json"]);
      expect(JSON.parse(stdout)).toMatchObject({ valid: true, error_count: 0, warning_count: 0 });
      const stack = JSON.parse(terraform.read("cdk.tf.json"));
      const resources = Object.values(stack.resource as object).flatMap((of) => Object.keys(of));
      const { changes } = await terraform.plan();
      expect(count(changes, "create")).toBe(resources.length);
    },
  );
});

describe("applied", () => {
  const [one, tier] = ["cdktf", "cdktn"] as const;

  describe.each(all ? libraryNames : [one])("one VM with %s", (library) => {
    test("comes up, is taken over by another stack, and is destroyed by that", async () => {
      const [agent] = agents as [TestAgent];
      await using terraform = await workspace(library, "one-vm", "installed");
      await terraform.apply();
      expect(await terraform.outputs()).toEqual({ address: "10.20.0.10" });
      expect((await terraform.plan()).changes).toEqual({});
      const before = await agent.json("vm", "show", "hello");
      expect(before.status.phase).toBe("running");

      await using other = await workspace(library, "imported", "attached");
      const { stdout } = await other.run(["validate", "-json"]);
      expect(JSON.parse(stdout)).toMatchObject({ valid: true, error_count: 0 });
      const plan = await other.plan();
      expect(plan.stdout).toContain("4 to import, 0 to add, 0 to change, 0 to destroy.");
      await other.apply();
      expect((await other.plan()).changes).toEqual({});
      expect((await agent.json("vm", "show", "hello")).status.boot_id).toBe(before.status.boot_id);
      await other.destroy();
      expect(await agent.json("vm", "list")).toEqual([]);

      await terraform.destroy();
      expect(await agent.census()).toEqual(nothing);
    });
  });

  describe.each(all ? libraryNames : [tier])("a web tier over three hosts with %s", (library) => {
    test("comes up, and is destroyed", async () => {
      await using terraform = await workspace(library, "web-tier", "installed");
      await terraform.apply();
      expect(await terraform.outputs()).toEqual({
        addresses: { rack1: "10.20.0.10", rack2: "10.20.1.10", rack3: "10.20.2.10" },
      });
      expect((await terraform.plan()).changes).toEqual({});
      for (const agent of agents) {
        const { status } = await agent.json("vm", "show", "web");
        expect(status).toMatchObject({ phase: "running", actual_power_state: "running" });
        expect(status.disk_status).toMatchObject([{ name: "content" }, { name: "scratch" }]);
      }
      await terraform.destroy();
      for (const agent of agents) expect(await agent.json("vm", "list")).toEqual([]);
    });
  });
});
