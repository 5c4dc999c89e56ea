import { describe, expect, test } from "vitest";
import * as z from "zod";
import { formatType } from "../value/type.ts";
import type { Attribute } from "./attribute.ts";
import { deriveSchema, deriveType } from "./derive.ts";

const derive = (schema: z.ZodType): Attribute =>
  deriveSchema(z.object({ a: schema })).attributes.get("a")!;

const flags = ({ required, optional, computed }: Attribute): string =>
  [required && "required", optional && "optional", computed && "computed"]
    .filter(Boolean)
    .join("+");

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => (bytes % 1024 === 0 ? `${bytes / 1024}K` : `${bytes}`),
});

describe("who sets an attribute", () => {
  test.each<[string, z.ZodType, string]>([
    ["plain", z.string(), "required"],
    ["optional", z.string().optional(), "optional"],
    ["nullish", z.string().nullish(), "optional"],
    ["default", z.string().default("x"), "optional+computed"],
    ["prefault", z.string().prefault("x"), "optional+computed"],
    [
      "optional and computed",
      z.string().optional().meta({ computed: "stable" }),
      "optional+computed",
    ],
    ["computed", z.string().meta({ computed: "volatile" }), "computed"],
    ["computed and nullable", z.string().nullable().meta({ computed: "volatile" }), "computed"],
    [
      "meta inside the wrapper",
      z.string().meta({ computed: "stable" }).optional(),
      "optional+computed",
    ],
    ["optional made required", z.string().optional().nonoptional(), "required"],
  ])("%s", (_name, schema, expected) => {
    expect(flags(derive(schema))).toBe(expected);
  });

  test("inside a computed object everything is computed", () => {
    const { node } = derive(
      z
        .array(z.object({ b: z.string(), c: z.object({ d: z.int() }) }))
        .meta({ computed: "volatile" }),
    );
    const element =
      node.kind === "list" && node.element.kind === "object" ? node.element : undefined;
    const [b, c] = [...element!.attributes.values()];
    expect([flags(b!), flags(c!)]).toEqual(["computed", "computed"]);
  });
});

describe("types", () => {
  test.each<[string, z.ZodType, string]>([
    ["string", z.string().min(1), '"string"'],
    ["format", z.ipv4(), '"string"'],
    ["enum", z.enum(["a", "b"]), '"string"'],
    ["literals", z.literal(["a", "b"]), '"string"'],
    ["union of literals", z.union([z.literal("a"), z.literal("b")]), '"string"'],
    ["number", z.number(), '"number"'],
    ["int", z.int(), '"number"'],
    ["bigint", z.bigint(), '"number"'],
    ["number literal", z.literal(5), '"number"'],
    ["boolean", z.boolean(), '"bool"'],
    ["array", z.array(z.string()), '["list","string"]'],
    ["set", z.set(z.int()), '["set","number"]'],
    ["record", z.record(z.string(), z.boolean()), '["map","bool"]'],
    ["list of lists", z.array(z.array(z.string())), '["list",["list","string"]]'],
    ["object", z.object({ b: z.string(), a: z.int() }), '["object",{"a":"number","b":"string"}]'],
    ["list of objects", z.array(z.object({ a: z.int() })), '["list",["object",{"a":"number"}]]'],
    ["codec", size, '"string"'],
    ["list of codecs", z.array(size), '["list","string"]'],
    ["transform", z.string().transform(Number), '"string"'],
    ["readonly", z.array(z.string()).readonly(), '["list","string"]'],
    ["lazy", z.lazy(() => z.string()), '"string"'],
    ["stringbool", z.stringbool(), '"string"'],
  ])("%s", (_name, schema, expected) => {
    expect(formatType(derive(schema).node.type)).toBe(expected);
  });

  test("functions may take anything", () => {
    expect(formatType(deriveType(z.array(z.unknown())).type)).toBe('["list","dynamic"]');
  });
});

describe("defaults", () => {
  test("are what users write", () => {
    expect(derive(size.default(2048)).default).toBe("2K");
    expect(derive(size.prefault("2048")).default).toBe("2048");
    expect(derive(z.array(size).default([1024])).default).toEqual(["1K"]);
    expect(derive(z.record(z.string(), z.object({ a: z.int() })).default({})).default).toEqual({});
    expect(derive(z.set(z.string()).default(new Set(["a"]))).default).toEqual(["a"]);
  });
});

describe("meta", () => {
  test("is read from any wrapper, the outermost first", () => {
    const attribute = derive(
      z
        .string()
        .meta({ description: "inner", update: "live", sensitive: true })
        .optional()
        .meta({ description: "outer" }),
    );
    expect(attribute).toMatchObject({ description: "outer", update: "live", sensitive: true });
  });

  test("says why something is deprecated", () => {
    expect(derive(z.string()).deprecated).toBe("");
    expect(derive(z.string().meta({ deprecated: true })).deprecated).toBe("Deprecated.");
  });
});

describe("what Terraform cannot express is refused", () => {
  const element = z.object({ a: z.string() });
  test.each<[string, z.ZodType, string]>([
    ["any", z.any(), "values of any type are for functions"],
    ["date", z.date(), "no type for zod's date"],
    ["tuple", z.tuple([z.string()]), "no type for zod's tuple"],
    ["mixed union", z.union([z.string(), z.number()]), "a union must be of"],
    ["union of objects", z.union([element, element]), "a union must be of"],
    ["mixed literals", z.literal(["a", 1]), "literals must all be"],
    [
      "lists of lists of objects",
      z.array(z.array(element)),
      "collections of collections of objects",
    ],
    [
      "maps of maps of objects",
      z.record(z.string(), z.record(z.string(), element)),
      "collections of collections",
    ],
    ["number keys", z.record(z.int(), z.string()), "keys must be strings"],
    ["optional elements", z.array(z.string().optional()), "neither optional nor defaulted"],
    ["preprocess", z.preprocess(String, z.string()), "preprocess hides"],
    [
      "codec of an object",
      z.codec(element, z.string(), { decode: (x) => x.a, encode: (a) => ({ a }) }),
      "cannot decode objects",
    ],
    ["refined object", element.refine(() => true), "say it as a rule"],
    ["nullable and required", z.string().nullable(), "use .optional()"],
    [
      "default and computed",
      z.string().default("a").meta({ computed: "stable" }),
      "exclude each other",
    ],
    ["one-way default", z.string().transform(Number).default(1), "use .prefault()"],
    [
      "computed in a set",
      z.set(z.object({ b: z.string().meta({ computed: "stable" }) })),
      "no identity",
    ],
    [
      "write-only and computed",
      z.string().meta({ computed: "stable", writeOnly: true }),
      "never computed",
    ],
    [
      "write-only in a set",
      z.set(z.object({ b: z.string().meta({ writeOnly: true }) })),
      "inside a set",
    ],
    ["write-only object", element.meta({ writeOnly: true }), "no nested attributes"],
  ])("%s", (_name, schema, problem) => {
    expect(() => derive(schema)).toThrow(problem);
    expect(() => derive(schema)).toThrow(/^a/u);
  });

  test("names are those of Terraform", () => {
    expect(() => deriveSchema(z.object({ camelCase: z.string() }))).toThrow(
      "camelCase: names are lower-case",
    );
  });
});
