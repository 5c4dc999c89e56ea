import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { PlanCase } from "../testing/thing.ts";
import { planOutcome, rawPlan, thingCore } from "../testing/thing.ts";
import { Unknown, unknown } from "../value/unknown.ts";

const stable = { computed: "stable" } as const;
const volatile = { computed: "volatile" } as const;

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

  test.each<[string, PlanCase]>([
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
    const [plan, expected] = await planOutcome(schema, one);
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

  test.each<[string, PlanCase]>([
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
    const [plan, expected] = await planOutcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

describe("numbers", () => {
  const schema = z.object({ big: z.bigint(), fraction: z.number(), count: z.int().meta(volatile) });

  test("whole numbers of any size and fractions pass unchanged", async () => {
    const big = 2n ** 64n - 1n;
    const [plan, expected] = await planOutcome(schema, {
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
