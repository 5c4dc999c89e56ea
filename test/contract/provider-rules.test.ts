/** Whatever a configuration leaves out or does not know yet, its check answers, and for what it says there is a reason. */
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { provider as definition } from "@lodge/provider/provider.ts";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import { encoded } from "@lodge/provider/sdk/testing/core-value.ts";
import { readSchema } from "@lodge/provider/sdk/testing/core-schema.ts";
import type { Type } from "@lodge/provider/sdk/value/type.ts";
import { fromDouble } from "@lodge/provider/sdk/value/number.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { members, type Value } from "@lodge/provider/sdk/value/value.ts";
import { provider, runs } from "../harness/provider.ts";

let core: Core;
beforeAll(async () => {
  core = await provider([{ name: "rack1", endpoint: "127.0.0.1:1" }]);
});

/** Texts that mean something to some attribute, and some that mean nothing. */
const text = fc.constantFrom(
  ..."root eth0 main lan 1GiB 512MiB 30s running stopped bios uefi warn fail nat".split(" "),
  ..."10.20.0.0/24 10.20.0.1 10.20.0.10-10.20.0.19 10.20.0.15-10.20.0.30 52:54:00:12:34:56".split(
    " ",
  ),
  "6f1b8d9e-0000-4000-8000-000000000001",
  "/images/debian",
  "",
);

/** A value of a type with null and unknown anywhere, and otherwise what may well be meant. */
function wish(type: Type): fc.Arbitrary<Value> {
  return fc.oneof(
    { weight: 6, arbitrary: present(type) },
    { weight: 1, arbitrary: fc.constant<Value>(null) },
    { weight: 1, arbitrary: fc.constant<Value>(unknown) },
  );
}

function present(type: Type): fc.Arbitrary<Value> {
  switch (type.kind) {
    case "string":
      return text;
    case "bool":
      return fc.boolean();
    case "number":
      return fc.integer({ min: -1, max: 70_000 }).map((value) => fromDouble(value));
    case "list":
    case "set":
      return fc.array(wish(type.element), { maxLength: 3 });
    case "map":
      return fc
        .uniqueArray(fc.tuple(text, wish(type.element)), {
          selector: ([key]) => key,
          maxLength: 3,
        })
        .map((entries) => members(entries));
    case "object": {
      const names = [...type.attributes];
      return fc
        .tuple(...names.map(([, inner]) => wish(inner)))
        .map((values) => members(names.map(([name], index) => [name, values[index]!])));
    }
    default:
      throw new Error(`no attribute has the type ${type.kind}`);
  }
}

test.each(definition.resources.map(({ type }) => type))("of a %s", async (typeName) => {
  const { type } = readSchema(core.schema.resourceSchemas[typeName], typeName);
  await fc.assert(
    fc.asyncProperty(present(type), async (config) => {
      const { diagnostics } = await core.caller.callRaw("validateResourceConfig", {
        typeName,
        config: encoded(type, config),
      });
      const odd = diagnostics.filter(
        ({ summary, detail }) =>
          summary.startsWith("Unable to") || /undefined|\bnull of\b|NaN|\[object/u.test(detail),
      );
      expect(odd).toEqual([]);
    }),
    { numRuns: runs(300) },
  );
});

test("of an address pool with nothing in it", async () => {
  const { type } = readSchema(core.schema.resourceSchemas["lodge_address_pool"], "pool");
  const config = encoded(
    type,
    members(
      [...(type as Extract<Type, { kind: "object" }>).attributes.keys()].map((name) => [
        name,
        null,
      ]),
    ),
  );
  const typeName = "lodge_address_pool";
  const answer = await core.caller.callRaw("validateResourceConfig", { typeName, config });
  expect(answer.diagnostics).toEqual([]);
});
