import { describe, expect, test } from "vitest";
import * as z from "zod";
import { rawPlan, thingCore } from "../testing/thing.ts";
import { unknown } from "../value/unknown.ts";

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => `${bytes}`,
});
const stable = { computed: "stable" } as const;
const volatile = { computed: "volatile" } as const;
const replace = { update: "replace" } as const;

describe("requires_replace", () => {
  const schema = z.object({
    name: z.string().optional().meta(replace),
    size: size.optional().meta(replace),
    live: z.string().optional(),
    tags: z.set(z.string()).optional().meta(replace),
    whole: z
      .object({ a: z.string().optional(), b: z.string().optional().meta({ update: "live" }) })
      .optional()
      .meta(replace),
    disks: z
      .record(
        z.string(),
        z.object({ image: z.string().optional().meta(replace), x: z.int().optional() }),
      )
      .optional(),
    rules: z.array(z.object({ port: z.int().meta(replace) })).optional(),
    zone: z
      .string()
      .optional()
      .meta({ ...stable, ...replace }),
    address: z
      .string()
      .optional()
      .meta({ ...volatile, ...replace }),
  });
  const empty = {
    name: null,
    size: null,
    live: null,
    tags: null,
    whole: null,
    disks: null,
    rules: null,
    zone: "z",
    address: "x",
  };

  test.each<[string, object, object, string[]]>([
    ["a changed attribute", { name: "b" }, { name: "a" }, ["name"]],
    ["an attribute set first", { name: "b" }, {}, ["name"]],
    ["an attribute taken away", {}, { name: "a" }, ["name"]],
    ["an unknown value may change", { name: unknown }, { name: "a" }, ["name"]],
    ["an unchanged attribute does not", { name: "a", live: "y" }, { name: "a", live: "x" }, []],
    ["another spelling does not", { size: "1024", live: "y" }, { size: "1K" }, []],
    [
      "the elements of a set have no address: the set is named",
      { tags: ["a"] },
      { tags: ["b"] },
      ["tags"],
    ],
    ["members inherit", { whole: { a: "2", b: "1" } }, { whole: { a: "1", b: "1" } }, ["whole.a"]],
    ["and may say otherwise", { whole: { a: "1", b: "2" } }, { whole: { a: "1", b: "1" } }, []],
    ["a whole object that goes", {}, { whole: { a: "1", b: null } }, ["whole"]],
    [
      "map keys",
      { disks: { r: { image: "2" } } },
      { disks: { r: { image: "1", x: null } } },
      ["disks.r.image"],
    ],
    ["a new element of a live map does not", { disks: { r: { image: "1" } } }, { disks: {} }, []],
    [
      "list indexes",
      { rules: [{ port: 1 }, { port: 3 }] },
      { rules: [{ port: 1 }, { port: 2 }] },
      ["rules[1].port"],
    ],
    [
      "an unknown element may change",
      { disks: { r: unknown } },
      { disks: { r: { image: "1", x: null } } },
      ["disks.r"],
    ],
    [
      "an unknown map may change",
      { disks: unknown },
      { disks: { r: { image: null, x: null } } },
      ["disks"],
    ],
    ["an unknown map where none was does not", { disks: unknown }, {}, []],
    ["a computed value that is not known yet does not", { live: "y" }, { live: "x" }, []],
    ["a computed value that is configured otherwise does", { zone: "y" }, {}, ["zone"]],
    [
      "sorted, each once",
      { tags: ["q"], name: "b", zone: "y" },
      { tags: ["p"], name: "a" },
      ["name", "tags", "zone"],
    ],
  ])("%s", async (_name, config, prior, paths) => {
    const core = await thingCore(schema);
    const plan = await rawPlan(core, config, { ...empty, ...prior });
    expect(plan.requiresReplace).toEqual(paths);
  });

  test("nothing at create", async () => {
    const core = await thingCore(schema);
    expect((await rawPlan(core, { name: "a", zone: "z" }, null)).requiresReplace).toEqual([]);
  });

  test("without an update handler every change", async () => {
    const core = await thingCore(z.object({ a: z.string(), b: z.int() }), {
      update: undefined as never,
    });
    expect((await rawPlan(core, { a: "x", b: 2 }, { a: "x", b: 1 })).requiresReplace).toEqual([
      "b",
    ]);
  });
});
