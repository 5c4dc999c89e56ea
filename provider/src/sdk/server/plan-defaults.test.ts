import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { PlanCase } from "../testing/thing.ts";
import { planOutcome } from "../testing/thing.ts";
import { unknown } from "../value/unknown.ts";

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => `${bytes}`,
});
const volatile = { computed: "volatile" } as const;

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

  test.each<[string, PlanCase]>([
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
    const [plan, expected] = await planOutcome(schema, one);
    expect(plan).toEqual(expected);
  });
});

describe("write-only attributes", () => {
  const schema = z.object({
    secret: z.string().optional().meta({ writeOnly: true }),
    secret_version: z.int().optional(),
  });

  test.each<[string, PlanCase]>([
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
    const [plan, expected] = await planOutcome(schema, one);
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

  test.each<[string, PlanCase]>([
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
    const [plan, expected] = await planOutcome(schema, one);
    expect(plan).toEqual(expected);
  });
});
