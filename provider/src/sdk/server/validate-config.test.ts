import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { Rule } from "../rule.ts";
import { coreValue, encoded } from "../testing/core-value.ts";
import { diagnosticTexts, thingCore } from "../testing/thing.ts";
import type { Unknown } from "../value/unknown.ts";
import { unknown } from "../value/unknown.ts";

const size = z.codec(z.string(), z.int().min(10, { error: "must be at least 10" }), {
  decode(text, context) {
    const bytes = Number(text);
    if (Number.isInteger(bytes)) return bytes;
    context.issues.push({ code: "custom", input: text, message: `must be a size, not ${text}` });
    return z.NEVER;
  },
  encode: String,
});

const schema = z.object({
  name: z
    .string()
    .regex(/^[a-z]+$/u, { error: "must be lower-case letters" })
    .optional(),
  count: z.int().max(5).optional(),
  small: z.number().optional(),
  size: size.optional(),
  sizes: z.array(size).max(2, { error: "must be at most two" }).optional(),
  ports: z.set(z.int().min(1)).min(1).optional(),
  disks: z
    .record(
      z.string().max(3, { error: "is too long" }),
      z.object({ size, x: z.string().optional() }),
    )
    .optional(),
  rules: z.array(z.object({ port: z.int() })).optional(),
  partners: z.set(z.object({ name: z.string(), weight: z.int().default(1) })).optional(),
  secret: z
    .string()
    .refine((text) => text !== "hunter2", { error: ({ input }) => `${String(input)} is bad` })
    .optional()
    .meta({ sensitive: true }),
  hidden: z.string().optional().meta({ writeOnly: true }),
  facts: z.object({ a: z.string() }).meta({ computed: "volatile" }),
});

async function validate(
  config: object,
  more: object = {},
  writeOnlyAttributesAllowed = true,
): Promise<string[]> {
  const core = await thingCore(schema, more);
  const { type } = core.resource("thing").schema;
  const response = await core.caller.callRaw("validateResourceConfig", {
    typeName: "thing",
    config: encoded(type, coreValue(type, config)),
    clientCapabilities: { writeOnlyAttributesAllowed },
  });
  return diagnosticTexts(response);
}

describe("each wrong value is named at its place", () => {
  test.each<[string, object, string[]]>([
    ["nothing configured", {}, []],
    [
      "everything right",
      {
        name: "a",
        count: 1,
        size: "10",
        sizes: ["10"],
        ports: [1],
        disks: { a: { size: "10" } },
        rules: [{ port: 1 }],
        partners: [{ name: "a" }, { name: "a", weight: 2 }],
        secret: "s",
        hidden: "h",
      },
      [],
    ],
    [
      "a string",
      { name: "A" },
      ["error Invalid value for name: The value of name must be lower-case letters. @ name"],
    ],
    [
      "a codec",
      { size: "x" },
      ["error Invalid value for size: The value of size must be a size, not x. @ size"],
    ],
    [
      "the decoded side of a codec",
      { size: "5" },
      ["error Invalid value for size: The value of size must be at least 10. @ size"],
    ],
    [
      "in a list",
      { sizes: ["10", "x"] },
      ["error Invalid value for sizes[1]: The value of sizes[1] must be a size, not x. @ sizes[1]"],
    ],
    [
      "a list itself",
      { sizes: ["10", "10", "10"] },
      ["error Invalid value for sizes: The value of sizes must be at most two. @ sizes"],
    ],
    [
      "in a map of objects",
      { disks: { a: { size: "x" } } },
      [
        "error Invalid value for disks.a.size: The value of disks.a.size must be a size, not x. @ disks.a.size",
      ],
    ],
    [
      "a key",
      { disks: { long: { size: "10" } } },
      ["error Invalid value for disks.long: disks.long: the key is too long. @ disks.long"],
    ],
    [
      "two at once",
      { name: "A", size: "x" },
      [
        "error Invalid value for name: The value of name must be lower-case letters. @ name",
        "error Invalid value for size: The value of size must be a size, not x. @ size",
      ],
    ],
    [
      "the elements of a set that defaults make equal",
      { partners: [{ name: "a" }, { name: "a", weight: 1 }] },
      [
        "error Invalid value for partners: partners: has elements that are the same once defaults are filled in. @ partners",
      ],
    ],
    [
      "null inside a list",
      { rules: [null] },
      ["error Invalid value for rules[0]: The value of rules[0] must not be null. @ rules[0]"],
    ],
    [
      "a secret, whose value is not shown",
      { secret: "hunter2" },
      ["error Invalid value for secret: secret: the value is not valid. @ secret"],
    ],
    [
      "a number that JavaScript cannot say",
      { small: 2n ** 60n },
      [
        "error Invalid value for small: The value of small must be a whole number between -(2^53 - 1) and 2^53 - 1. @ small",
      ],
    ],
  ])("%s", async (_name, config, expected) => {
    expect(await validate(config)).toEqual(expected);
  });

  test("a set names the set, as its elements have no address", async () => {
    const [text] = await validate({ ports: [0] });
    expect(text).toMatch(/^error Invalid value for ports: .* @ ports$/u);
  });
});

describe("unknown values are accepted everywhere", () => {
  test("each attribute by itself", async () => {
    for (const name of Object.keys(schema.shape)) {
      expect(await validate({ [name]: unknown })).toEqual([]);
    }
  });

  test("known parts beside them are still checked", async () => {
    expect(
      await validate({
        disks: { a: { size: unknown, x: "y" }, b: { size: "x" } },
        sizes: [unknown, "x"],
        name: unknown,
      }),
    ).toEqual([
      "error Invalid value for disks.b.size: The value of disks.b.size must be a size, not x. @ disks.b.size",
      "error Invalid value for sizes[1]: The value of sizes[1] must be a size, not x. @ sizes[1]",
    ]);
  });
});

describe("rules across attributes", () => {
  const seen: unknown[] = [];
  const rules: Rule<z.output<typeof schema>>[] = [
    {
      paths: ["size", "count"],
      test: ({ size: bytes, count }) =>
        bytes !== undefined && count === undefined ? "size needs count" : undefined,
    },
    {
      paths: ["disks.*.x", "disks.*.size"],
      test({ disks }, [key]) {
        const disk = disks?.[key!];
        seen.push(disk);
        return disk?.x === "big" && disk.size < 100 ? `disk ${key} is too small` : undefined;
      },
    },
    {
      paths: ["rules.*.port"],
      test: ({ rules: list }, [index]) =>
        list?.[Number(index)]?.port === 22 ? "must not be 22" : undefined,
    },
  ];

  test.each<[string, object, string[]]>([
    [
      "hold",
      { size: "10", count: 1, disks: { a: { size: "100", x: "big" } }, rules: [{ port: 1 }] },
      [],
    ],
    [
      "break at the first path",
      { size: "10" },
      ["error Invalid combination at size: size: size needs count. @ size"],
    ],
    [
      "run for each element",
      { disks: { a: { size: "10", x: "big" }, b: { size: "10" }, c: { size: "11", x: "big" } } },
      [
        "error Invalid combination at disks.a.x: disks.a.x: disk a is too small. @ disks.a.x",
        "error Invalid combination at disks.c.x: disks.c.x: disk c is too small. @ disks.c.x",
      ],
    ],
    [
      "run for each index",
      { rules: [{ port: 1 }, { port: 22 }] },
      [
        "error Invalid combination at rules[1].port: The value of rules[1].port must not be 22. @ rules[1].port",
      ],
    ],
    [
      "do not run where a path is unknown",
      { size: "10", count: unknown, disks: { a: { size: unknown, x: "big" } } },
      [],
    ],
    ["do not run where a whole element is unknown", { disks: { a: unknown }, rules: unknown }, []],
    [
      "run for one element beside an unknown one",
      { disks: { a: { size: "10", x: "big" }, b: unknown } },
      ["error Invalid combination at disks.a.x: disks.a.x: disk a is too small. @ disks.a.x"],
    ],
  ])("%s", async (_name, config, expected) => {
    expect(await validate(config, { rules })).toEqual(expected);
  });

  test("do not run on values that are wrong by themselves", async () => {
    expect(await validate({ size: "x" }, { rules })).toEqual([
      "error Invalid value for size: The value of size must be a size, not x. @ size",
    ]);
  });

  test("see decoded values", async () => {
    seen.length = 0;
    await validate({ disks: { a: { size: "100", x: "big" } } }, { rules });
    expect(seen).toEqual([{ size: 100, x: "big" }]);
  });
});

describe("an author's own validation", () => {
  test("sees unknown values, and reports", async () => {
    const more = {
      validate({
        config,
        diagnostics,
      }: {
        config: { name: unknown };
        diagnostics: { warning(...args: unknown[]): void };
      }) {
        diagnostics.warning("Seen", config.name === null ? "null" : `${config.name as Unknown}`, [
          "name",
        ]);
      },
    };
    expect(await validate({ name: unknown }, more)).toEqual([
      "warning Seen: (known after apply) @ name",
    ]);
    expect(await validate({}, more)).toEqual(["warning Seen: null @ name"]);
  });

  test("is not bothered with values that the schema refuses, and may throw", async () => {
    const more = {
      validate() {
        throw Object.assign(new Error("broken"), { path: ["count"] });
      },
    };
    expect(await validate({ name: "A" }, more)).toHaveLength(1);
    expect(await validate({}, more)).toEqual(["error Unable to validate thing: broken @ count"]);
  });
});

test("a write-only value needs a Terraform that knows such", async () => {
  expect(await validate({ hidden: "h" }, {}, false)).toEqual([
    "error Write-only attribute hidden is not supported: hidden would be stored in the state: write-only attributes need Terraform 1.11 or later. @ hidden",
  ]);
  expect(await validate({}, {}, false)).toEqual([]);
});
