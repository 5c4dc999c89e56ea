import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyType, anyValue } from "../testing/values.ts";
import { distinct, valueKey, valuesEqual } from "./equal.ts";
import { Decimal } from "./number.ts";
import type { Type } from "./type.ts";
import { dynamic, list, map, number, object, set, string, tuple } from "./type.ts";
import { Unknown, unknown } from "./unknown.ts";
import type { Value } from "./value.ts";
import { Dynamic, members } from "./value.ts";

describe("valuesEqual", () => {
  test.each<[string, Type, Value, Value, boolean]>([
    ["strings", string, "a", "a", true],
    ["other strings", string, "a", "b", false],
    ["null and empty", string, null, "", false],
    ["null and null", list(string), null, null, true],
    [
      "unknown and unknown, whatever is known of them",
      string,
      unknown,
      new Unknown({ prefix: "a" }),
      true,
    ],
    ["unknown and null", string, unknown, null, false],
    ["big numbers", number, 2n ** 64n, 2n ** 64n, true],
    [
      "long fractions",
      number,
      new Decimal("0.1000000000000000000001"),
      new Decimal("0.1000000000000000000001"),
      true,
    ],
    ["lists in another order", list(number), [1, 2], [2, 1], false],
    ["lists of another length", list(number), [1], [1, 1], false],
    ["sets in another order", set(number), [1, 2], [2, 1], true],
    ["sets with another element", set(number), [1, 2], [1, 3], false],
    [
      "maps in another order",
      map(number),
      members([
        ["a", 1],
        ["b", 2],
      ]),
      members([
        ["b", 2],
        ["a", 1],
      ]),
      true,
    ],
    ["maps with another key", map(number), members([["a", 1]]), members([["b", 1]]), false],
    ["maps with null and without", map(number), members([["a", null]]), members(), false],
    [
      "objects",
      object({ a: list(set(string)) }),
      members([["a", [["x", "y"]]]]),
      members([["a", [["y", "x"]]]]),
      true,
    ],
    ["tuples", tuple([number, string]), [1, "a"], [1, "b"], false],
    ["dynamic values of one type", dynamic, new Dynamic(number, 1), new Dynamic(number, 1), true],
    [
      "dynamic values of two types",
      dynamic,
      new Dynamic(list(number), []),
      new Dynamic(list(string), []),
      false,
    ],
  ])("%s", (_name, type, a, b, equal) => {
    expect(valuesEqual(type, a, b)).toBe(equal);
    expect(valuesEqual(type, b, a)).toBe(equal);
  });

  test("is what the keys say", () => {
    const pair = anyType.chain((type) =>
      fc.tuple(
        fc.constant(type),
        anyValue(type, { unknowns: true }),
        anyValue(type, { unknowns: true }),
      ),
    );
    fc.assert(
      fc.property(pair, ([type, a, b]) => {
        expect(valuesEqual(type, a, a)).toBe(true);
        expect(valuesEqual(type, a, b)).toBe(valueKey(type, a) === valueKey(type, b));
      }),
      { numRuns: 1000 },
    );
  });
});

test("distinct keeps the first of equal elements and all that may still differ", () => {
  expect(distinct(number, [1, 2, 1])).toEqual([1, 2]);
  expect(distinct(set(number), [[1, 2], [2, 1], [unknown], [unknown]])).toEqual([
    [1, 2],
    [unknown],
    [unknown],
  ]);
});
