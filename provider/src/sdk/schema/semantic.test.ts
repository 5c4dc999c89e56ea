import { describe, expect, test } from "vitest";
import * as z from "zod";
import { unknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { members } from "../value/value.ts";
import type { Node } from "./attribute.ts";
import { deriveType } from "./derive.ts";
import { keepSpelling, semanticallyEqual } from "./semantic.ts";

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => `${bytes}`,
});
const node = (schema: z.ZodType): Node => deriveType(schema);
const disk = (text: string): Value => members([["size", text]]);

describe("semanticallyEqual", () => {
  test.each<[string, z.ZodType, Value, Value, boolean]>([
    ["two spellings", size, "1K", "1024", true],
    ["two meanings", size, "1K", "1025", false],
    ["null and a value", size, null, "0", false],
    ["unknown and a value", size, unknown, "0", false],
    ["text that is never decoded", z.string(), "1K", "1024", false],
    ["lists", z.array(size), ["1K", "2"], ["1024", "2"], true],
    ["lists in another order", z.array(size), ["1K", "2"], ["2", "1K"], false],
    ["sets", z.set(size), ["2K", "1K"], ["1024", "2048"], true],
    ["sets with an element more", z.set(size), ["1K"], ["1024", "1"], false],
    ["two elements with one partner", z.set(size), ["1K", "1024"], ["1024", "7"], false],
    ["maps", z.record(z.string(), size), members([["a", "1K"]]), members([["a", "1024"]]), true],
    [
      "maps with another key",
      z.record(z.string(), size),
      members([["a", "1K"]]),
      members([["b", "1K"]]),
      false,
    ],
    ["objects", z.object({ size }), disk("1K"), disk("1024"), true],
    ["sets of objects", z.set(z.object({ size })), [disk("1K")], [disk("1024")], true],
    [
      "what a codec makes of a whole list",
      z.codec(z.array(z.string()), z.string(), {
        decode: (list) => list.join(""),
        encode: (text) => [text],
      }),
      ["ab", "c"],
      ["a", "bc"],
      true,
    ],
    [
      "values that cannot be decoded",
      z.string().transform((text, context) => context.addIssue(`no ${text}`)),
      "a",
      "b",
      false,
    ],
  ])("%s", (_name, schema, a, b, equal) => {
    expect(semanticallyEqual(node(schema), a, b)).toBe(equal);
    expect(semanticallyEqual(node(schema), b, a)).toBe(equal);
  });
});

describe("keepSpelling", () => {
  test.each<[string, z.ZodType, Value, Value, Value]>([
    ["a spelling", size, "1024", "1K", "1K"],
    ["a change", size, "1025", "1K", "1025"],
    ["nothing before", size, "1024", null, "1024"],
    ["parts of a list", z.array(size), ["1024", "5", "6"], ["1K", "4"], ["1K", "5", "6"]],
    ["parts of a set", z.set(size), ["9", "2048", "1024"], ["1K", "2K"], ["9", "2K", "1K"]],
    [
      "parts of a map",
      z.record(z.string(), size),
      members([
        ["a", "1024"],
        ["b", "1"],
      ]),
      members([["a", "1K"]]),
      members([
        ["a", "1K"],
        ["b", "1"],
      ]),
    ],
    [
      "members of an object",
      z.object({ size, x: z.int() }),
      members([
        ["size", "1024"],
        ["x", 1],
      ]),
      members([
        ["size", "1K"],
        ["x", 2],
      ]),
      members([
        ["size", "1K"],
        ["x", 1],
      ]),
    ],
  ])("%s", (_name, schema, next, prior, kept) => {
    expect(keepSpelling(node(schema), next, prior)).toEqual(kept);
  });
});

test("big sets are compared in no time to speak of", () => {
  const strings = Array.from({ length: 20_000 }, (_, index) => `s${index}`);
  const set = node(z.set(z.string()));
  const [next, prior] = [[...strings, "new"], strings.toReversed()];
  expect(keepSpelling(set, next, prior)).toEqual(next);
  expect(semanticallyEqual(set, strings, prior)).toBe(true);
}, 60_000);
