import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { RawPlan } from "../testing/thing.ts";
import { rawPlan, thingCore } from "../testing/thing.ts";
import { isUnknown, Unknown, unknown } from "../value/unknown.ts";

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => `${bytes}`,
});
const stable = { computed: "stable" } as const;
const volatile = { computed: "volatile" } as const;
const replace = { update: "replace" } as const;

interface Case {
  readonly config: object;
  readonly prior: object | null;
  readonly planned: object;
  readonly replace?: readonly string[];
}

/** What the provider answers to a case, and what it should. */
async function outcome(schema: z.ZodObject, one: Case): Promise<[RawPlan, RawPlan]> {
  const { config, prior, planned, replace: requiresReplace = [] } = one;
  const core = await thingCore(schema);
  const plan = await rawPlan(core, config, prior);
  return [plan, { planned, requiresReplace, diagnostics: [], private: "" }];
}

describe("computed values", () => {
  const schema = z.object({
    name: z.string(),
    id: z.string().meta(stable),
    count: z.int().meta(volatile),
    note: z.string().nullable().meta(stable),
    zone: z.string().optional().meta(stable),
    address: z.string().optional().meta(volatile),
  });
  const prior = { name: "a", id: "i", count: 1, note: null, zone: "z", address: "x" };

  test.each<[string, Case]>([
    [
      "on create all that the configuration leaves open is unknown, not null",
      {
        config: { name: "a" },
        prior: null,
        planned: {
          name: "a",
          id: unknown,
          count: unknown,
          note: unknown,
          zone: unknown,
          address: unknown,
        },
      },
    ],
    [
      "on create what is configured is as configured",
      {
        config: { name: "a", zone: "z", address: "x" },
        prior: null,
        planned: { name: "a", id: unknown, count: unknown, note: unknown, zone: "z", address: "x" },
      },
    ],
    [
      "without a difference nothing becomes unknown",
      { config: { name: "a" }, prior, planned: prior },
    ],
    [
      "without a difference in what is configured neither",
      { config: { name: "a", zone: "z", address: "x" }, prior, planned: prior },
    ],
    [
      "on a difference volatile values become unknown and stable ones stay",
      {
        config: { name: "b" },
        prior,
        planned: { ...prior, name: "b", count: unknown, address: unknown },
      },
    ],
    [
      "a stable null stays null where null is a value",
      {
        config: { name: "b" },
        prior: { ...prior, note: null },
        planned: { ...prior, name: "b", count: unknown, address: unknown },
      },
    ],
    [
      "a stable null where null is no value becomes unknown",
      {
        config: { name: "b" },
        prior: { ...prior, zone: null },
        planned: { ...prior, name: "b", zone: unknown, count: unknown, address: unknown },
      },
    ],
    [
      "an unknown configuration is a difference",
      {
        config: { name: unknown },
        prior,
        planned: { ...prior, name: unknown, count: unknown, address: unknown },
      },
    ],
    [
      "an unknown configuration of a stable value is unknown, not the prior value",
      {
        config: { name: "a", zone: unknown },
        prior,
        planned: { ...prior, zone: unknown, count: unknown, address: unknown },
      },
    ],
    [
      "a configured value that is taken away stays while it is computed",
      {
        config: { name: "a" },
        prior: { ...prior, zone: "mine" },
        planned: { ...prior, zone: "mine" },
      },
    ],
  ])("%s", async (_name, one) => {
    const [plan, expected] = await outcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

describe("defaults and absent values", () => {
  const schema = z.object({
    text: z.string().default("d"),
    list: z.array(z.string()).default([]),
    plain: z.string().optional(),
    nested: z.object({ level: z.string().default("low"), x: z.int().optional() }).optional(),
    map: z.record(z.string(), z.object({ weight: z.int().default(1) })).default({}),
    set: z.set(z.object({ name: z.string(), weight: z.int().default(1) })).optional(),
  });
  const prior = { text: "d", list: [], plain: null, nested: null, map: {}, set: null };

  test.each<[string, Case]>([
    ["a default fills in what is absent", { config: {}, prior: null, planned: prior }],
    ["and makes no difference later", { config: {}, prior, planned: prior }],
    [
      "a default is filled in again where the configuration takes its value away",
      { config: {}, prior: { ...prior, text: "x", list: ["y"] }, planned: prior },
    ],
    [
      "an attribute without default and not computed is null when it is absent",
      {
        config: {},
        prior: { ...prior, plain: "x", nested: { level: "high", x: 1 } },
        planned: prior,
      },
    ],
    [
      "defaults inside objects, maps and sets",
      {
        config: {
          nested: {},
          map: { a: {}, b: { weight: 2 } },
          set: [{ name: "s" }, { name: "t", weight: 3 }],
        },
        prior: null,
        planned: {
          ...prior,
          nested: { level: "low", x: null },
          map: { a: { weight: 1 }, b: { weight: 2 } },
          set: [
            { name: "s", weight: 1 },
            { name: "t", weight: 3 },
          ],
        },
      },
    ],
    [
      "an unknown value gets no default",
      { config: { text: unknown }, prior: null, planned: { ...prior, text: unknown } },
    ],
    [
      "a wholly unknown object stays unknown as a whole",
      {
        config: { nested: unknown, map: unknown },
        prior: null,
        planned: { ...prior, nested: unknown, map: unknown },
      },
    ],
    [
      "the elements of a set have no order",
      {
        config: { set: [{ name: "t" }, { name: "s" }] },
        prior: {
          ...prior,
          set: [
            { name: "s", weight: 1 },
            { name: "t", weight: 1 },
          ],
        },
        planned: {
          ...prior,
          set: [
            { name: "s", weight: 1 },
            { name: "t", weight: 1 },
          ],
        },
      },
    ],
  ])("%s", async (_name, one) => {
    const [plan, expected] = await outcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

describe("write-only attributes", () => {
  const schema = z.object({
    secret: z.string().optional().meta({ writeOnly: true }),
    secret_version: z.int().optional(),
  });

  test.each<[string, Case]>([
    [
      "are null in the plan",
      {
        config: { secret: "s", secret_version: 1 },
        prior: null,
        planned: { secret: null, secret_version: 1 },
      },
    ],
    [
      "are no difference",
      {
        config: { secret: "other", secret_version: 1 },
        prior: { secret_version: 1 },
        planned: { secret: null, secret_version: 1 },
      },
    ],
    [
      "are null even when unknown",
      { config: { secret: unknown }, prior: null, planned: { secret: null, secret_version: null } },
    ],
  ])("%s", async (_name, one) => {
    const [plan, expected] = await outcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

describe("semantic equality", () => {
  const schema = z.object({
    size: size.optional(),
    sizes: z.array(size).optional(),
    disks: z.record(z.string(), z.object({ size: size })).optional(),
    set: z.set(size).optional(),
    lower: z.string().toLowerCase().optional(),
    count: z.int().meta(volatile),
  });
  const empty = { size: null, sizes: null, disks: null, set: null, lower: null, count: 1 };

  test.each<[string, Case]>([
    [
      "another spelling is no change: the prior one stays",
      {
        config: { size: "1024" },
        prior: { ...empty, size: "1K" },
        planned: { ...empty, size: "1K" },
      },
    ],
    [
      "another value is a change",
      {
        config: { size: "1025" },
        prior: { ...empty, size: "1K" },
        planned: { ...empty, size: "1025", count: unknown },
      },
    ],
    [
      "a list is spelled as before only as a whole",
      {
        config: { sizes: ["1024", "7"] },
        prior: { ...empty, sizes: ["1K", "8"] },
        planned: { ...empty, sizes: ["1024", "7"], count: unknown },
      },
    ],
    [
      "a whole list",
      {
        config: { sizes: ["1024"] },
        prior: { ...empty, sizes: ["1K"] },
        planned: { ...empty, sizes: ["1K"] },
      },
    ],
    [
      "in maps by key",
      {
        config: { disks: { a: { size: "1024" }, b: { size: "5" } } },
        prior: { ...empty, disks: { a: { size: "1K" }, b: { size: "6" } } },
        planned: { ...empty, disks: { a: { size: "1K" }, b: { size: "5" } }, count: unknown },
      },
    ],
    [
      "in sets",
      {
        config: { set: ["2048", "1024"] },
        prior: { ...empty, set: ["1K", "2K"] },
        planned: { ...empty, set: ["1K", "2K"] },
      },
    ],
    [
      "by transforming checks",
      {
        config: { lower: "ABC" },
        prior: { ...empty, lower: "abc" },
        planned: { ...empty, lower: "abc" },
      },
    ],
    [
      "at create the configuration's spelling counts",
      {
        config: { size: "1024" },
        prior: null,
        planned: { ...empty, size: "1024", count: unknown },
      },
    ],
    [
      "null is no spelling of anything",
      { config: {}, prior: { ...empty, size: "1K" }, planned: { ...empty, count: unknown } },
    ],
  ])("%s", async (_name, one) => {
    const [plan, expected] = await outcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

describe("computed values inside lists and maps", () => {
  const element = z.object({
    port: z.int(),
    handle: z.string().meta(stable),
    hits: z.int().meta(volatile),
  });
  const schema = z.object({
    list: z.array(element).optional(),
    map: z.record(z.string(), element).optional(),
  });

  test.each<[string, Case]>([
    [
      "list elements are matched by index; a new one is unknown, not null",
      {
        config: { list: [{ port: 2 }, { port: 3 }] },
        prior: { list: [{ port: 1, handle: "h", hits: 5 }], map: null },
        planned: {
          list: [
            { port: 2, handle: "h", hits: unknown },
            { port: 3, handle: unknown, hits: unknown },
          ],
          map: null,
        },
      },
    ],
    [
      "map elements are matched by key",
      {
        config: { map: { b: { port: 1 }, c: { port: 2 } } },
        prior: {
          list: null,
          map: { a: { port: 0, handle: "ha", hits: 1 }, b: { port: 1, handle: "hb", hits: 2 } },
        },
        planned: {
          list: null,
          map: {
            b: { port: 1, handle: "hb", hits: unknown },
            c: { port: 2, handle: unknown, hits: unknown },
          },
        },
      },
    ],
    [
      "nothing changes without a difference",
      {
        config: { list: [{ port: 1 }] },
        prior: { list: [{ port: 1, handle: "h", hits: 5 }], map: null },
        planned: { list: [{ port: 1, handle: "h", hits: 5 }], map: null },
      },
    ],
    [
      "an unknown element stays unknown as a whole",
      {
        config: { list: [unknown, { port: 1 }] },
        prior: { list: [{ port: 1, handle: "h", hits: 5 }], map: null },
        planned: { list: [unknown, { port: 1, handle: unknown, hits: unknown }], map: null },
      },
    ],
  ])("%s", async (_name, one) => {
    const [plan, expected] = await outcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

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

describe("numbers", () => {
  const schema = z.object({ big: z.bigint(), fraction: z.number(), count: z.int().meta(volatile) });

  test("whole numbers of any size and fractions pass unchanged", async () => {
    const big = 2n ** 64n - 1n;
    const [plan, expected] = await outcome(schema, {
      config: { big, fraction: 0.1 },
      prior: null,
      planned: { big, fraction: 0.1, count: unknown },
    });
    expect(plan).toEqual(expected);
  });
});

describe("unknown values with refinements", () => {
  test("are taken as unknown and given back plain", async () => {
    const core = await thingCore(z.object({ name: z.string() }));
    const { planned } = await rawPlan(
      core,
      { name: new Unknown({ isNull: false, prefix: "pre-" }) },
      null,
    );
    expect(planned).toEqual({ name: unknown });
  });
});

describe("the plan hook", () => {
  const schema = z.object({
    wish: z.string(),
    fact: z.string().meta(volatile),
    count: z.int().meta(volatile),
    lock: z.boolean().default(false),
  });
  const prior = { wish: "on", fact: "on", count: 1, lock: false };

  test("sets computed values known", async () => {
    const core = await thingCore(schema, {
      plan({ planned }) {
        if (planned !== null) planned.fact = planned.wish;
        return Promise.resolve();
      },
    });
    const created = await rawPlan(core, { wish: "on" }, null);
    expect(created.planned).toEqual({ wish: "on", fact: "on", count: unknown, lock: false });
    const later = await rawPlan(core, { wish: unknown }, prior);
    expect(later.planned).toEqual({ wish: unknown, fact: unknown, count: unknown, lock: false });
  });

  test("makes a change where the configuration makes none: drift of a fact is mended", async () => {
    let calls = 0;
    const core = await thingCore(schema, {
      plan({ planned, diagnostics }) {
        calls++;
        if (planned !== null && planned.fact !== planned.wish) {
          planned.fact = planned.wish;
          diagnostics.warning("It will be switched", "Because it is off.", ["wish"]);
        }
        return Promise.resolve();
      },
    });
    const drifted = await rawPlan(core, { wish: "on" }, { ...prior, fact: "off" });
    expect(drifted.planned).toEqual({ ...prior, count: unknown });
    expect(drifted.diagnostics).toEqual(["warning It will be switched: Because it is off. @ wish"]);
    calls = 0;
    const same = await rawPlan(core, { wish: "on" }, prior);
    expect(same.planned).toEqual(prior);
    expect(calls).toBe(1);
  });

  test("asks for a new object, in order with the schema's own", async () => {
    const core = await thingCore(schema, {
      plan({ requireReplace, changed }) {
        if (changed(["wish"])) {
          requireReplace(["wish"]);
          requireReplace(["wish"]);
          requireReplace(["fact"]);
        }
        return Promise.resolve();
      },
    });
    expect((await rawPlan(core, { wish: "off" }, prior)).requiresReplace).toEqual(["fact", "wish"]);
    expect((await rawPlan(core, { wish: "on" }, prior)).requiresReplace).toEqual([]);
    expect((await rawPlan(core, { wish: "on" }, null)).requiresReplace).toEqual([]);
  });

  test("refuses a destroy", async () => {
    const core = await thingCore(schema, {
      plan({ planned, prior: before, diagnostics }) {
        if (planned === null && before?.lock === true)
          diagnostics.error("Locked", "Unlock it first.", ["lock"]);
        return Promise.resolve();
      },
    });
    expect((await rawPlan(core, null, { ...prior, lock: true })).diagnostics).toEqual([
      "error Locked: Unlock it first. @ lock",
    ]);
    const free = await rawPlan(core, null, prior);
    expect(free).toEqual({ planned: null, requiresReplace: [], diagnostics: [], private: "" });
  });

  test("cannot change what the user has written, and is named for it", async () => {
    const core = await thingCore(schema, {
      plan({ planned }) {
        if (planned !== null) planned.wish = "other";
        return Promise.resolve();
      },
    });
    const { diagnostics } = await rawPlan(core, { wish: "on" }, null);
    expect(diagnostics).toEqual([
      'error Provider produced an invalid plan of thing: wish: the plan says "other", but the configuration says "on". This is a bug in the provider; please report it. @ wish',
    ]);
  });

  test("a value of the wrong type is named", async () => {
    const core = await thingCore(schema, {
      plan({ planned }) {
        if (planned !== null) (planned as Record<string, unknown>)["count"] = "many";
        return Promise.resolve();
      },
    });
    const { diagnostics } = await rawPlan(core, { wish: "on" }, null);
    expect(diagnostics[0]).toContain("count: a number is required");
  });

  test("a thrown error is a diagnostic at its attribute", async () => {
    const core = await thingCore(schema, {
      plan: () => Promise.reject(Object.assign(new Error("no capacity"), { path: ["wish"] })),
    });
    const { diagnostics, planned } = await rawPlan(core, { wish: "on" }, null);
    expect(diagnostics).toEqual(["error Unable to plan thing: no capacity @ wish"]);
    expect(planned).toBeUndefined();
  });

  test("keeps private data, or replaces it", async () => {
    const keeps = await thingCore(schema);
    expect((await rawPlan(keeps, { wish: "on" }, prior, '{"a":1}')).private).toBe('{"a":1}');
    expect((await rawPlan(keeps, null, prior, '{"a":1}')).private).toBe('{"a":1}');
    const replaces = await thingCore(schema, {
      plan: ({ private: kept }) => Promise.resolve({ private: { ...kept, b: 2 } }),
    });
    expect((await rawPlan(replaces, { wish: "on" }, prior, '{"a":1}')).private).toBe(
      '{"a":1,"b":2}',
    );
  });

  test("sees unknown values as such", async () => {
    const seen: unknown[] = [];
    const core = await thingCore(schema, {
      plan({ config, planned }) {
        seen.push(isUnknown(config?.wish), isUnknown(planned?.wish), config?.lock, planned?.lock);
        return Promise.resolve();
      },
    });
    await rawPlan(core, { wish: unknown }, null);
    expect(seen).toEqual([true, true, null, false]);
  });
});

test("a message that does not fit the schema is a diagnostic", async () => {
  const core = await thingCore(z.object({ a: z.string() }));
  const broken = { msgpack: Uint8Array.of(0x81, 0xa1) };
  const response = await core.caller.callRaw("planResourceChange", {
    typeName: "thing",
    config: broken,
    priorState: broken,
    proposedNewState: broken,
  });
  expect(response.diagnostics[0]?.summary).toBe("Unable to plan thing");
  const stranger = await core.caller.callRaw("planResourceChange", { typeName: "stranger" });
  expect(stranger.diagnostics[0]?.detail).toBe('The provider has no resource type "stranger".');
});
