/** The provider's schema keeps every rule that bindings for CDKTF need, and each rule finds what breaks it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { musts } from "../../cdk-examples/scripts/rules/must.ts";
import { shoulds } from "../../cdk-examples/scripts/rules/should.ts";
import { allMembers, owners } from "../../cdk-examples/scripts/rules/walk.ts";
import {
  readProviderSchema,
  type Attribute,
  type Block,
  type ProviderSchema,
} from "../../cdk-examples/scripts/schema.ts";

const root = join(import.meta.dirname, "..", "..");
const schema = readProviderSchema();
const rules = [...musts, ...shoulds];

test.each(rules)("rule $number holds: $title", ({ check }) => {
  expect(check(schema)).toEqual([]);
});

test("the rules are those that are known, each once; rule 17 is not about schemas", () => {
  const expected = Array.from({ length: 21 }, (_, index) => index + 1).filter((n) => n !== 17);
  expect(rules.map(({ number }) => number)).toEqual(expected);
});

test("rule 17: users are told that both libraries write nested attributes wrongly in HCL", () => {
  for (const path of ["docs/guides/cdktf.md", "cdk-examples/README.md"])
    expect(readFileSync(join(root, path), "utf8")).toContain("--hcl");
});

test("rule 20: no environment changes the schema", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["scripts/provider-schema.ts", "--check"],
    {
      cwd: root,
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"],
        LODGE_DEFAULT_HOST: "rack1",
        LODGE_AGENT_DIR: "/nowhere",
        TF_LOG: "TRACE",
        TZ: "Pacific/Auckland",
        LC_ALL: "tr_TR.UTF-8",
      },
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("no line of a description would become a JSDoc tag", () => {
  const texts = [
    ...owners(schema).map(({ name, schema: { block } }) => [name, block.description] as const),
    ...allMembers(schema).flatMap(({ attributes }) =>
      Object.entries(attributes).map(([name, { description }]) => [name, description] as const),
    ),
  ];
  expect(texts.length).toBeGreaterThan(100);
  expect(texts.filter(([, text]) => /^\s*@/mu.test(text ?? ""))).toEqual([]);
});

test("all keys are sorted: the bindings' order follows them", () => {
  const objects = [
    schema.resource_schemas!,
    schema.data_source_schemas!,
    schema.functions ?? {},
    ...allMembers(schema).map(({ attributes }) => attributes),
  ];
  for (const object of objects) expect(Object.keys(object)).toEqual(Object.keys(object).toSorted());
});

describe("each rule finds what breaks it", () => {
  const text: Attribute = { type: "string", description_kind: "plain", optional: true };
  const of = (type: Attribute["type"] & {}): Attribute => ({ ...text, type });
  const computed = (type: Attribute["type"] & {}): Attribute => {
    return { type, description_kind: "plain", computed: true };
  };
  const nested = (mode: string, attributes: Record<string, Attribute> = { a: text }): Attribute => {
    const nested_type = { nesting_mode: mode, attributes };
    return { nested_type, description_kind: "plain", optional: true };
  };
  const block = (attributes: Record<string, Attribute>, more: Partial<Block> = {}): Block => {
    return { description_kind: "plain", attributes, ...more };
  };
  const resource = (attributes: Record<string, Attribute>, more?: Partial<Block>) => {
    return { version: 0, block: block({ id: computed("string"), ...attributes }, more) };
  };
  const vm = (attributes: Record<string, Attribute>, more?: Partial<Block>): ProviderSchema => ({
    provider: { version: 0, block: block({}) },
    resource_schemas: { lodge_vm: resource(attributes, more) },
  });
  const blockOf = (mode: string): Partial<Block> => {
    return { block_types: { disk: { nesting_mode: mode, block: block({ a: text }) } } };
  };
  const object = ["object", { a: "string" }] as const;

  const samples: readonly (readonly [number, ProviderSchema, string])[] = [
    [1, vm({ x: of("dynamic") }), "lodge_vm.x"],
    [1, vm({ x: of(["map", ["list", "dynamic"]]) }), "lodge_vm.x"],
    [1, { ...vm({}), functions: { f: { return_type: "dynamic" } } }, "function f"],
    [2, vm({}, blockOf("map")), "lodge_vm.disk"],
    [2, vm({}, blockOf("group")), "lodge_vm.disk"],
    [2, vm({ x: nested("group") }), "lodge_vm.x"],
    [3, vm({ x: of(["tuple", ["string"]]) }), "lodge_vm.x"],
    [3, vm({ x: of(["list", ["object", { a: "string" }, ["a"]]]) }), "lodge_vm.x"],
    [4, vm({ x: of(["list", ["set", object]]) }), "lodge_vm.x"],
    [4, vm({ x: computed(["map", ["map", object]]) }), "lodge_vm.x"],
    [5, vm({ x: computed(["list", ["list", ["list", "string"]]]) }), "lodge_vm.x"],
    [5, vm({ x: computed(["map", ["map", "string"]]) }), "lodge_vm.x"],
    [6, vm({ count: text }), "lodge_vm.count"],
    [6, vm({ with: text }), "lodge_vm.with"],
    [7, vm({ x: nested("list", { resolve: text }) }), "lodge_vm.x.resolve"],
    [7, vm({ value_of: nested("single") }), "lodge_vm.value_of"],
    [8, { provider: { version: 0, block: block({ alias: text }) } }, "provider.alias"],
    [8, vm({ disks: nested("map"), put_disks: text }), "lodge_vm.put_disks"],
    [8, vm({ x: nested("list", { reset: text, input: text }) }), "lodge_vm.x.reset"],
    [9, vm({ ipv6_state: text, ipv6state: text }), "lodge_vm.ipv6state"],
    [10, vm({ config: nested("single") }), "lodge_vm.config"],
    [10, vm({ allow_list: nested("list") }), "lodge_vm.allow_list"],
    [11, vm({ self: text }), "lodge_vm.self"],
    [11, vm({ x: nested("list", { get_it: text }) }), "lodge_vm.x.get_it"],
    [12, vm({ x: of(object) }), "lodge_vm.x"],
    [13, vm({}, blockOf("single")), "lodge_vm.disk"],
    [14, vm({ x: { ...nested("map"), optional: undefined!, computed: true } }), "lodge_vm.x"],
    [15, vm({ x: nested("set") }), "lodge_vm.x"],
    [15, vm({}, blockOf("set")), "lodge_vm.disk"],
    [16, vm({ id: { ...text, type: "number" } }), "lodge_vm"],
    [18, vm({ serial_id: of("number") }), "lodge_vm.serial_id"],
    [19, vm({ key_wo: { ...text, write_only: true }, key: text }), "lodge_vm.key_wo"],
    [20, { ...vm({}), provider: undefined! }, "provider"],
    [21, vm({ x: nested("list", { y: nested("list", { y: text }) }) }), "lodge_vm.x.y"],
    [21, vm(many(70, nested("single"))), "lodge_vm"],
  ];

  function many(count: number, attribute: Attribute): Record<string, Attribute> {
    return Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, attribute]));
  }

  test.each(samples)("rule %i", (number, broken, found) => {
    const rule = rules.find((item) => item.number === number)!;
    expect(rule.check(vm({ x: nested("map"), y: of(["list", "string"]) }))).toEqual([]);
    expect(rule.check(broken)).toContain(found);
  });

  test("rule 10: a nested object and a resource of one name", () => {
    const schemas = {
      lodge_vm: resource({ disk: nested("list") }),
      lodge_vm_disk: resource({}),
    };
    const rule = rules.find(({ number }) => number === 10)!;
    expect(rule.check({ ...vm({}), resource_schemas: schemas })).toEqual(["lodge_vm.disk"]);
  });

  test("every rule has a sample", () => {
    const covered = new Set(samples.map(([number]) => number));
    expect(rules.filter(({ number }) => !covered.has(number))).toEqual([]);
  });
});
