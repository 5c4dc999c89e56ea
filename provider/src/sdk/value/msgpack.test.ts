import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyType, anyValue } from "../testing/values.ts";
import { valuesEqual } from "./equal.ts";
import { ValueError } from "./error.ts";
import { decodeMsgpack, encodeMsgpack } from "./msgpack.ts";
import { Decimal } from "./number.ts";
import type { Type } from "./type.ts";
import { bool, dynamic, list, map, number, object, set, string, tuple } from "./type.ts";
import { Unknown, unknown } from "./unknown.ts";
import type { Value } from "./value.ts";
import { Dynamic, members } from "./value.ts";

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const decode = (type: Type, text: string): Value => decodeMsgpack(type, hex(text));
const encode = (type: Type, value: Value): string =>
  Buffer.from(encodeMsgpack(type, value)).toString("hex");

describe("vectors that read and write the same", () => {
  test.each<[string, Type, Value, string]>([
    ["null string", string, null, "c0"],
    ["null object", object({ a: string }), null, "c0"],
    ["empty string", string, "", "a0"],
    ["short string", string, "abc", "a3 616263"],
    ["string of 32 bytes", string, "x".repeat(32), `d920${"78".repeat(32)}`],
    ["string of 256 bytes", string, "x".repeat(256), `da0100${"78".repeat(256)}`],
    ["string of 65536 bytes", string, "x".repeat(65536), `db00010000${"78".repeat(65536)}`],
    ["true", bool, true, "c3"],
    ["false", bool, false, "c2"],
    ["zero", number, 0, "00"],
    ["positive fixint", number, 127, "7f"],
    ["uint8", number, 128, "cc80"],
    ["uint16", number, 256, "cd0100"],
    ["uint32", number, 65536, "ce00010000"],
    ["uint64", number, 2 ** 32, "cf0000000100000000"],
    ["greatest uint64", number, 2n ** 64n - 1n, "cfffffffffffffffff"],
    ["negative fixint", number, -32, "e0"],
    ["int8", number, -33, "d0df"],
    ["int16", number, -129, "d1ff7f"],
    ["int32", number, -32769, "d2ffff7fff"],
    ["int64", number, -2147483649, "d3ffffffff7fffffff"],
    ["least int64", number, -(2n ** 63n), "d38000000000000000"],
    ["number beyond uint64", number, 2n ** 64n, "b4 3138343436373434303733373039353531363136"],
    ["fraction", number, 0.1, "a3302e31"],
    [
      "fraction that no double says",
      number,
      new Decimal("0.10000000000000000000001"),
      "b9302e3130303030303030303030303030303030303030303031",
    ],
    ["infinity", number, Number.POSITIVE_INFINITY, "cb7ff0000000000000"],
    ["empty list", list(string), [], "90"],
    ["list", list(number), [1, null, 2], "93 01 c0 02"],
    ["list of 16", list(bool), Array.from({ length: 16 }, () => true), `dc0010${"c3".repeat(16)}`],
    ["tuple", tuple([string, bool]), ["a", true], "92 a161 c3"],
    ["empty map", map(string), members(), "80"],
    ["map", map(number), members([["k", 1]]), "81 a16b 01"],
    [
      "object",
      object({ b: bool, a: string }),
      members([
        ["a", "x"],
        ["b", null],
      ]),
      "82 a161 a178 a162 c0",
    ],
    ["unknown", string, unknown, "d40000"],
    ["unknown inside a list", list(string), ["a", unknown], "92 a161 d40000"],
    ["dynamic string", dynamic, new Dynamic(string, "x"), "92 c408 22737472696e6722 a178"],
    ["null dynamic", dynamic, null, "c0"],
    ["unknown dynamic", dynamic, unknown, "d40000"],
  ])("%s", (_name, type, value, bytes) => {
    expect(decode(type, bytes)).toEqual(value);
    expect(encode(type, value)).toBe(bytes.replaceAll(" ", ""));
  });
});

describe("numbers arrive in any encoding", () => {
  test.each<[string, Value]>([
    ["d3 0000000000000005", 5],
    ["cb 4014000000000000", 5],
    ["ca 40a00000", 5],
    ["a1 35", 5],
    ["cb 3fb999999999999a", 0.1],
    ["cb 4520 8b2a2c280291", 10000000000000000905969664n],
    ["b4 3138343436373434303733373039353531363135", 2n ** 64n - 1n],
    ["a3 316532", 100],
  ])("%s", (bytes, value) => {
    expect(decode(number, bytes)).toEqual(value);
  });
});

describe("strings", () => {
  test("are held and written in normal form NFC", () => {
    const decomposed = "a\u0308";
    expect(decode(string, "a3 61cc88")).toBe("\u00e4");
    expect(encode(string, decomposed)).toBe("a2c3a4");
  });

  test("map keys too", () => {
    expect(decode(map(bool), "81 a361cc88 c3")).toEqual(members([["\u00e4", true]]));
  });
});

describe("sets", () => {
  test("coalesce equal elements", () => {
    expect(decode(set(number), "94 01 02 a131 cb3ff0000000000000")).toEqual([1, 2]);
    expect(encode(set(string), ["a", "b", "a"])).toBe("92a161a162");
  });

  test("keep elements that are not known yet", () => {
    expect(decode(set(string), "93 d40000 d40000 a161")).toEqual([unknown, unknown, "a"]);
  });

  test("are equal in any order", () => {
    expect(valuesEqual(set(number), [1, 2], [2, 1])).toBe(true);
    expect(valuesEqual(list(number), [1, 2], [2, 1])).toBe(false);
    expect(valuesEqual(set(set(string)), [["a", "b"], []], [[], ["b", "a"]])).toBe(true);
  });
});

describe("unknown values", () => {
  test.each(["d4 00 00", "d4 05 ff", "c7 03 63 010203", "d5 7f 0000", "d4 f0 00"])(
    "any extension is unknown: %s",
    (bytes) => {
      expect(decode(object({ a: string }), bytes)).toBeInstanceOf(Unknown);
      expect(decode(number, bytes)).toBeInstanceOf(Unknown);
    },
  );

  test("refinements are read", () => {
    expect(decode(string, "c7 09 0c 82 01 c2 02 a4 7072652d")).toEqual(
      new Unknown({ isNull: false, prefix: "pre-" }),
    );
    expect(decode(number, "c7 0c 0c 82 03 92 01 c3 04 92 a3 313030 c2")).toEqual(
      new Unknown({
        lower: { value: 1, inclusive: true },
        upper: { value: 100, inclusive: false },
      }),
    );
    expect(decode(list(string), "c7 05 0c 82 05 01 06 03")).toEqual(
      new Unknown({ minLength: 1, maxLength: 3 }),
    );
  });

  test("refinements of a later protocol are passed over", () => {
    expect(decode(string, "c7 07 0c 82 2a 92 01 a0 01 c2")).toEqual(new Unknown({ isNull: false }));
  });

  test("broken refinements leave a plain unknown", () => {
    expect(decode(string, "d4 0c ff")).toEqual(unknown);
    expect(decode(string, "c7 02 0c 82 01")).toEqual(unknown);
  });

  test("are written plain, unless refinements are asked for", () => {
    const value = new Unknown({ isNull: false, prefix: "pre-" });
    expect(encode(string, value)).toBe("d40000");
    expect(decodeMsgpack(string, encodeMsgpack(string, value, { refinements: true }))).toEqual(
      value,
    );
    expect(encodeMsgpack(string, unknown, { refinements: true })).toEqual(hex("d40000"));
  });
});

describe("objects", () => {
  const type = object({ a: string, b: number });

  test("any order of keys", () => {
    expect(decode(type, "82 a162 01 a161 a178")).toEqual(
      members([
        ["a", "x"],
        ["b", 1],
      ]),
    );
  });

  test.each([
    ["missing attribute", "81 a161 a178", 'attribute "b" is missing'],
    ["empty map", "80", 'attribute "a" is missing'],
    ["extra attribute", "83 a161 a178 a162 01 a163 01", 'unsupported attribute "c"'],
    ["key that is no string", "82 01 a178 a162 01", "keys must be strings"],
    ["array", "92 a178 01", "an object is required"],
  ])("refuses: %s", (_name, bytes, message) => {
    expect(() => decode(type, bytes)).toThrow(message);
  });

  test("are written complete or not at all", () => {
    expect(() => encode(type, members([["a", "x"]]))).toThrow('attribute "b" is missing');
    expect(() =>
      encode(
        type,
        members([
          ["a", "x"],
          ["b", 1],
          ["c", 1],
        ]),
      ),
    ).toThrow('unsupported attribute "c"');
  });

  test("a key named __proto__ is only a key", () => {
    const value = decode(map(number), "81 a9 5f5f70726f746f5f5f 01");
    expect(Object.keys(value as object)).toEqual(["__proto__"]);
    expect(encode(map(number), value)).toBe("81a95f5f70726f746f5f5f01");
  });
});

describe("dynamic values", () => {
  test("carry their type", () => {
    const value = new Dynamic(tuple([number, string]), [1, "a"]);
    const bytes = encodeMsgpack(dynamic, value);
    expect(decodeMsgpack(dynamic, bytes)).toEqual(value);
  });

  test.each(["91 01", "92 c401 22 01", "92 01 01", "92 c408 22737472696e6722 01", "a161"])(
    "refuses %s",
    (bytes) => {
      expect(() => decode(dynamic, bytes)).toThrow(ValueError);
    },
  );
});

describe("errors name the place", () => {
  test("inside collections", () => {
    const type = object({ disks: map(object({ sizes: list(number) })) });
    const bytes = "81 a5 6469736b73 81 a4 726f6f74 81 a5 73697a6573 92 01 c3";
    expect(() => decode(type, bytes)).toThrow("disks.root.sizes[1]: a number is required");
  });

  test.each([
    ["nothing", ""],
    ["cut string", "a361"],
    ["cut array", "9301"],
    ["array of four milliards", "ddffffffff"],
    ["map of four milliards", "dfffffffff"],
    ["string of four milliards", "dbffffffff"],
    ["reserved head", "c1"],
    ["bytes left over", "9000"],
    ["invalid UTF-8", "a1ff"],
  ])("%s", (_name, bytes) => {
    expect(() => decode(list(string), bytes)).toThrow(ValueError);
    expect(() => decode(map(string), bytes)).toThrow(ValueError);
  });

  test("on writing", () => {
    expect(() => encode(list(string), [1])).toThrow("[0]: a string is required");
    expect(() => encode(number, Number.NaN)).toThrow();
    expect(() => encode(tuple([string]), [])).toThrow("a tuple of 1 elements is required");
  });
});

test("a value of any length survives the growth of the buffer", () => {
  for (let length = 200; length < 600; length++) {
    const value = ["x".repeat(length), 2 ** 32, 70_000, 300, 200, -200, -70_000];
    const type = tuple([string, number, number, number, number, number, number]);
    expect(decodeMsgpack(type, encodeMsgpack(type, value))).toEqual(value);
  }
});

describe("properties", () => {
  const typed = (unknowns: boolean) =>
    anyType.chain((type) => fc.tuple(fc.constant(type), anyValue(type, { unknowns })));

  test("every value goes there and back", () => {
    fc.assert(
      fc.property(typed(true), ([type, value]) => {
        const decoded = decodeMsgpack(type, encodeMsgpack(type, value, { refinements: true }));
        expect(valuesEqual(type, decoded, value)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("garbage is a value or a clean error", () => {
    fc.assert(
      fc.property(anyType, fc.uint8Array({ maxLength: 64 }), (type, bytes) => {
        try {
          encodeMsgpack(type, decodeMsgpack(type, bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("a flipped byte is a value or a clean error", () => {
    fc.assert(
      fc.property(typed(true), fc.nat(), fc.nat(255), ([type, value], at, byte) => {
        const bytes = encodeMsgpack(type, value, { refinements: true });
        bytes[at % bytes.length] = byte;
        try {
          decodeMsgpack(type, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ValueError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
