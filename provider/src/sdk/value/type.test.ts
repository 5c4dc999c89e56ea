import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ValueError } from "./error.ts";
import { anyType } from "../testing/values.ts";
import {
  bool,
  dynamic,
  formatType,
  list,
  map,
  number,
  object,
  parseType,
  set,
  string,
  tuple,
  typesEqual,
} from "./type.ts";

describe("type JSON", () => {
  test.each([
    [string, '"string"'],
    [number, '"number"'],
    [bool, '"bool"'],
    [dynamic, '"dynamic"'],
    [list(string), '["list","string"]'],
    [set(number), '["set","number"]'],
    [map(list(bool)), '["map",["list","bool"]]'],
    [object({ b: string, a: dynamic }), '["object",{"a":"dynamic","b":"string"}]'],
    [object({}), '["object",{}]'],
    [tuple([string, number]), '["tuple",["string","number"]]'],
  ])("%o is %s", (type, text) => {
    expect(formatType(type)).toBe(text);
    expect(parseType(text)).toEqual(type);
  });

  test("accepts the form with optional attributes", () => {
    expect(parseType('["object",{"a":"string"},["a"]]')).toEqual(object({ a: string }));
  });

  test("goes there and back", () => {
    fc.assert(
      fc.property(anyType, (type) => {
        expect(typesEqual(parseType(formatType(type)), type)).toBe(true);
      }),
    );
  });

  test("an attribute named __proto__ is only an attribute", () => {
    const type = parseType('["object",{"__proto__":"string"}]');
    expect(formatType(type)).toBe('["object",{"__proto__":"string"}]');
    expect(({} as Record<string, unknown>)["kind"]).toBeUndefined();
  });

  test.each([
    "",
    "null",
    '"text"',
    '["list"]',
    '["list","string",1]',
    '["object",[]]',
    '["tuple","string"]',
    "{}",
    "[",
    '["map",7]',
  ])("refuses %j", (text) => {
    expect(() => parseType(text)).toThrow(/type/u);
  });

  test("refuses types without end", () => {
    const deep = `${'["list",'.repeat(5000)}"string"${"]".repeat(5000)}`;
    expect(() => parseType(deep)).toThrow("nested too deeply");
  });
});

test("any text is a type or a clean error", () => {
  const word = fc.constantFrom("string", "list", "object", "tuple", "dynamic", "map", "__proto__");
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: "small" },
      word,
      fc.constant(null),
      fc.integer(),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(word, tie("json"), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        json.map((value) => JSON.stringify(value)),
      ),
      (text) => {
        try {
          const type = parseType(text);
          expect(parseType(formatType(type))).toEqual(type);
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError);
        }
      },
    ),
    { numRuns: 3000 },
  );
});
