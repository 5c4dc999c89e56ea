/** The examples of the docs: every one is valid, and the ones that make something are applied. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nothing, TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, smallGuest } from "../harness/lodge.ts";

const examples = join(import.meta.dirname, "..", "..", "docs", "examples");
const names = readdirSync(examples, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith("main.tf"),
);
const read = (name: string): string => readFileSync(join(examples, name), "utf8");

let agent: TestAgent;
let variables: Record<string, string>;

beforeAll(async () => {
  const { kernel, initrd } = await smallGuest();
  variables = { TF_VAR_kernel: kernel, TF_VAR_initrd: initrd };
  agent = await TestAgent.start();
});

afterAll(() => agent?.[Symbol.asyncDispose]());

test.each(names)("%s is valid", async (name) => {
  await using terraform = new LodgeTerraform([agent], "", { env: variables });
  const own = read(name).includes("required_providers");
  if (own) terraform.write({ "main.tf": read(name) });
  else terraform.rewrite(read(name));
  const { stdout } = await terraform.run(["validate", "-json"]);
  expect(JSON.parse(stdout)).toMatchObject({ valid: true, error_count: 0 });
});

describe("applied", () => {
  const made = names.filter((name) => name.startsWith("resources/"));

  test.each(made)("%s", async (name) => {
    // What protects itself against being deleted could not be removed again.
    const body = read(name).replace(
      /deletion_protection\s*=\s*true/u,
      "deletion_protection = false",
    );
    await using terraform = new LodgeTerraform([agent], body, { env: variables });
    await terraform.apply();
    expect(await terraform.remaining()).toEqual([]);
    if (name.includes("/vm/")) {
      await using data = new LodgeTerraform([agent], read("data-sources/vm/main.tf"));
      await data.apply();
      expect(await data.outputs()).toEqual(await terraform.outputs());
    }
    await terraform.destroy();
    expect(await agent.census()).toEqual(nothing);
  });

  test("data-sources/host/main.tf", async () => {
    await using terraform = new LodgeTerraform([agent], read("data-sources/host/main.tf"));
    await terraform.apply();
    expect((await terraform.outputs())["accelerator"]).toMatch(/^(?:kvm|tcg): ./u);
  });
});
