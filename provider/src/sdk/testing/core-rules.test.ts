/** The rules of core, one by one. */

import { describe, expect, test } from "vitest";
import * as z from "zod";
import { Unknown, unknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { readSchema } from "./core-schema.ts";
import { coreValue } from "./core-value.ts";
import { assertObjectCompatible } from "./object-compatible.ts";
import { assertPlanValid } from "./plan-valid.ts";
import { proposedNew } from "./proposed-new.ts";
import { thingProvider } from "./thing.ts";
import { deriveProviderSchema } from "../server/provider-schema.ts";

const schema = z.object({
  name: z.string().optional(),
  id: z.string().meta({ computed: "stable" }),
  choice: z.string().optional().meta({ computed: "stable" }),
  hidden: z.string().optional().meta({ writeOnly: true }),
  single: z
    .object({ a: z.string().optional(), b: z.string().meta({ computed: "stable" }) })
    .optional(),
  list: z.array(z.object({ a: z.string(), b: z.string().meta({ computed: "stable" }) })).optional(),
  map: z
    .record(z.string(), z.object({ a: z.string(), b: z.string().meta({ computed: "stable" }) }))
    .optional(),
  set: z.set(z.object({ a: z.string(), w: z.int().default(1) })).optional(),
  tags: z.set(z.string()).optional(),
  either: z
    .object({ a: z.string().optional(), b: z.string().optional().meta({ computed: "stable" }) })
    .optional()
    .meta({ computed: "stable" }),
});

const definition = thingProvider(schema, {
  create: ({ plan }) =>
    Promise.resolve({
      state: { id: "i", choice: plan.choice ?? "c", either: { a: null, b: "e" } },
    }),
});

const { attributes, type } = await (async () => {
  const message = deriveProviderSchema(await definition.load());
  return readSchema(message.resourceSchemas["thing"], "thing");
})();
const value = (plain: unknown): Value => coreValue(type, plain);

describe("proposed new state", () => {
  test.each<[string, object | null, object, object]>([
    ["configured values, null for computed ones at create", null, { name: "a" }, { name: "a" }],
    [
      "prior values where only the provider decides",
      { id: "i", choice: "c" },
      { name: "a" },
      { name: "a", id: "i", choice: "c" },
    ],
    [
      "the configuration where it says something",
      { choice: "c" },
      { choice: "d" },
      { choice: "d" },
    ],
    ["unknown values as they are", { id: "i" }, { name: unknown }, { name: unknown, id: "i" }],
    ["what is not computed and taken away is null", { name: "a" }, {}, {}],
    [
      "inside an object",
      { single: { a: "x", b: "y" } },
      { single: { a: "z" } },
      { single: { a: "z", b: "y" } },
    ],
    [
      "list elements by index",
      { list: [{ a: "x", b: "1" }] },
      { list: [{ a: "z" }, { a: "y" }] },
      { list: [{ a: "z", b: "1" }, { a: "y" }] },
    ],
    [
      "map elements by key",
      { map: { k: { a: "x", b: "1" } } },
      { map: { k: { a: "z" }, l: { a: "y" } } },
      { map: { k: { a: "z", b: "1" }, l: { a: "y" } } },
    ],
    [
      "set elements by what is configured",
      {
        set: [
          { a: "x", w: 7 },
          { a: "y", w: 8 },
        ],
      },
      { set: [{ a: "y" }, { a: "q" }] },
      { set: [{ a: "y", w: 8 }, { a: "q" }] },
    ],
    [
      "a computed object that was computed stays",
      { either: { b: "1" } },
      {},
      { either: { b: "1" } },
    ],
    [
      "a computed object that was configured goes with its configuration",
      { either: { a: "x", b: "1" } },
      {},
      {},
    ],
  ])("%s", (_name, prior, config, proposed) => {
    expect(proposedNew(attributes, value(prior), value(config))).toEqual(value(proposed));
  });
});

describe("plan validity", () => {
  const problems = (
    prior: object | null,
    config: object | null,
    planned: object | null,
  ): string[] =>
    assertPlanValid(attributes, {
      prior: value(prior),
      config: value(config),
      planned: value(planned),
    });

  test.each<[string, object | null, object | null, object | null]>([
    ["as configured", null, { name: "a" }, { name: "a", id: unknown, choice: unknown }],
    ["as before, where both are there", { name: "A" }, { name: "a" }, { name: "A" }],
    ["anything for a computed value", null, {}, { id: "x", choice: "y" }],
    [
      "a refined unknown value given back plain",
      null,
      { name: new Unknown({ prefix: "x" }) },
      { name: unknown },
    ],
    [
      "computed values inside objects",
      null,
      { single: { a: "x" }, list: [{ a: "x" }] },
      { single: { a: "x", b: unknown }, list: [{ a: "x", b: unknown }] },
    ],
    ["an unknown object as it is", null, { map: unknown }, { map: unknown }],
    ["a destroy", { name: "a" }, null, null],
  ])("valid: %s", (_name, prior, config, planned) => {
    expect(problems(prior, config, planned)).toEqual([]);
  });

  test.each<[string, object | null, object | null, object | null]>([
    ["neither configuration nor prior value", { name: "A" }, { name: "a" }, { name: "b" }],
    ["a prior value where there was none", null, { name: "a" }, {}],
    ["a value for what is not computed", null, {}, { name: "a" }],
    ["an unknown value for what is configured", null, { name: "a" }, { name: unknown }],
    ["a write-only value", null, { hidden: "h" }, { hidden: "h" }],
    ["an unknown object for a configured one", null, { single: { a: "x" } }, { single: unknown }],
    ["an absent object for a configured one", null, { single: { a: "x" } }, {}],
    ["a longer list", null, { list: [{ a: "x" }] }, { list: [{ a: "x" }, { a: "y" }] }],
    ["a shorter list", null, { list: [{ a: "x" }] }, { list: [] }],
    ["another key", null, { map: { k: { a: "x" } } }, { map: { l: { a: "x" } } }],
    [
      "a changed member of an element",
      null,
      { map: { k: { a: "x" } } },
      { map: { k: { a: "y", b: "1" } } },
    ],
    [
      "a set of another size",
      null,
      { set: [{ a: "x" }, { a: "x", w: 1 }] },
      { set: [{ a: "x", w: 1 }] },
    ],
    ["nothing for something", null, { name: "a" }, null],
    ["something for nothing", { name: "a" }, null, { name: "a" }],
  ])("invalid: %s", (_name, prior, config, planned) => {
    expect(problems(prior, config, planned)).not.toEqual([]);
  });
});

describe("completion of a plan", () => {
  const problems = (planned: object | null, actual: object | null): string[] =>
    assertObjectCompatible(type, value(planned), value(actual));

  test.each<[string, object | null, object | null]>([
    ["unknown values become known", { id: unknown, name: "a" }, { id: "i", name: "a" }],
    ["a whole unknown object", { map: unknown }, { map: { k: { a: "x", b: "y" } } }],
    ["a set may shrink", { tags: ["x", unknown] }, { tags: ["x"] }],
    ["nothing stays nothing", null, null],
  ])("compatible: %s", (_name, planned, actual) => {
    expect(problems(planned, actual)).toEqual([]);
  });

  test.each<[string, object | null, object | null]>([
    ["a changed value", { name: "a" }, { name: "b" }],
    ["a known value that is unknown", { name: "a" }, { name: unknown }],
    ["null that is no longer null", {}, { name: "a" }],
    ["a value that is null", { name: "a" }, {}],
    ["a longer list", { list: [] }, { list: [{ a: "x", b: "y" }] }],
    ["a shorter list", { list: [{ a: "x", b: "y" }] }, { list: [] }],
    ["a new key", { map: {} }, { map: { k: { a: "x", b: "y" } } }],
    [
      "a changed member",
      { map: { k: { a: "x", b: unknown } } },
      { map: { k: { a: "z", b: "y" } } },
    ],
    ["a set that grows", { tags: ["x"] }, { tags: ["x", "y"] }],
    ["a set with another element", { tags: ["x", "y"] }, { tags: ["x", "z"] }],
    ["something from nothing", null, { name: "a" }],
  ])("incompatible: %s", (_name, planned, actual) => {
    expect(problems(planned, actual)).not.toEqual([]);
  });
});
