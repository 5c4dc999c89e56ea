import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyType, anyValue } from "../testing/values.ts";
import { valuesEqual } from "./equal.ts";
import { ValueError } from "./error.ts";
import { decodeJson, encodeJson, parseExactJson } from "./json.ts";
import { Decimal } from "./number.ts";
import type { Type } from "./type.ts";
import { bool, dynamic, list, map, number, object, set, string, tuple } from "./type.ts";
import { unknown } from "./unknown.ts";
import type { Value } from "./value.ts";
import { Dynamic, members } from "./value.ts";

describe("vectors", () => {
  test.each<[string, Type, Value, string]>([
    ["null", string, null, "null"],
    ["string", string, 'a"b', '"a\\"b"'],
    ["number", number, 5, "5"],
    [
      "number of many digits",
      number,
      new Decimal("123456789012345678901234567890.125"),
      "123456789012345678901234567890.125",
    ],
    ["greatest uint64", number, 2n ** 64n - 1n, "18446744073709551615"],
    ["small fraction", number, 1e-7, "0.0000001"],
    ["bool", bool, false, "false"],
    ["list", list(string), ["a", null], '["a",null]'],
    ["set", set(number), [1, 2], "[1,2]"],
    ["map", map(bool), members([["a", true]]), '{"a":true}'],
    [
      "object",
      object({ a: string, b: number }),
      members([
        ["a", "x"],
        ["b", null],
      ]),
      '{"a":"x","b":null}',
    ],
    ["tuple", tuple([bool, string]), [true, "a"], '[true,"a"]'],
    ["dynamic", dynamic, new Dynamic(list(number), [1]), '{"type":["list","number"],"value":[1]}'],
    ["key __proto__", map(number), members([["__proto__", 1]]), '{"__proto__":1}'],
  ])("%s", (_name, type, value, text) => {
    expect(decodeJson(type, text)).toEqual(value);
    expect(encodeJson(type, value)).toBe(text);
  });
});

describe("reading state of another version", () => {
  const type = object({ kept: string, added: number, nested: object({ more: bool }) });

  test("missing attributes are null, removed ones are ignored", () => {
    const text = '{"kept":"x","removed":{"a":1},"nested":{"old":1}}';
    expect(decodeJson(type, text, { lenient: true })).toEqual(
      members([
        ["added", null],
        ["kept", "x"],
        ["nested", members([["more", null]])],
      ]),
    );
  });

  test("strictly, both are errors", () => {
    expect(() => decodeJson(type, '{"kept":"x"}')).toThrow("is missing");
    expect(() => decodeJson(object({}), '{"a":1}')).toThrow('unsupported attribute "a"');
  });
});

test("parseExactJson loses no digit", () => {
  expect(
    parseExactJson('{"a":[123456789012345678901234567890.125,1e3,18446744073709551615,-0]}'),
  ).toEqual({
    a: [new Decimal("123456789012345678901234567890.125"), 1000, 18446744073709551615n, 0],
  });
});

test("strings are held in normal form NFC", () => {
  expect(decodeJson(string, '"a\\u0308"')).toBe("\u00e4");
});

test("only known values are written", () => {
  expect(() => encodeJson(object({ a: list(string) }), members([["a", [unknown]]]))).toThrow(
    "a[0]: a known string is required",
  );
});

test.each(["", "{", '"a', "1e99999999", "[1,]", "\u0000", "[".repeat(100_000)])(
  "garbage is a clean error",
  (text) => {
    expect(() => decodeJson(list(list(string)), text)).toThrow(ValueError);
  },
);

describe("properties", () => {
  test("every known value goes there and back", () => {
    fc.assert(
      fc.property(
        anyType.chain((type) => fc.tuple(fc.constant(type), anyValue(type))),
        ([type, value]) => {
          expect(valuesEqual(type, decodeJson(type, encodeJson(type, value)), value)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("any text is a value or a clean error", () => {
    const broken = fc.tuple(fc.json(), fc.nat(), fc.nat(), fc.string({ maxLength: 3 }));
    const text = fc.oneof(
      fc.string(),
      broken.map(([json, from, length, patch]) => {
        const at = from % (json.length + 1);
        return json.slice(0, at) + patch + json.slice(at + (length % 4));
      }),
    );
    fc.assert(
      fc.property(anyType, text, fc.boolean(), (type, json, lenient) => {
        try {
          decodeJson(type, json, { lenient });
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("any JSON is a value or a clean error", () => {
    fc.assert(
      fc.property(anyType, fc.json(), fc.boolean(), (type, text, lenient) => {
        try {
          decodeJson(type, text, { lenient });
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
