import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Decimal, formatNumber, fromDouble, numbersEqual, parseNumber } from "./number.ts";

describe("parseNumber", () => {
  test.each([
    ["0", 0],
    ["-0", 0],
    ["-0.000", 0],
    ["007", 7],
    ["1.50", 1.5],
    ["1e3", 1000],
    ["12.5e-1", 1.25],
    ["0.1", 0.1],
    ["1e-7", 1e-7],
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["18446744073709551615", 18446744073709551615n],
    ["1e25", 10n ** 25n],
    ["100000000000000000000.0", 10n ** 20n],
  ])("%s has the canonical form %s", (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  test("keeps every digit of a fraction that no double says", () => {
    const value = parseNumber("123456789012345678901234567890.1250");
    expect(value).toBeInstanceOf(Decimal);
    expect(formatNumber(value)).toBe("123456789012345678901234567890.125");
  });

  test.each(["", "-", "1.", ".5", "0x10", "1e", "NaN", "Infinity", "1 ", "1,5", "1e99999", "--1"])(
    "refuses %j",
    (text) => {
      expect(() => parseNumber(text)).toThrow(/number/u);
    },
  );

  test("refuses a flood of digits at once", () => {
    expect(() => parseNumber("9".repeat(1_000_000))).toThrow("not a number");
    expect(() => parseNumber("1e999999999")).toThrow("out of range");
  });

  test("gives equal values for equal numbers, however spelled", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
        fc.nat(30),
        (digits, shift) => {
          const plain = parseNumber(`${digits}e-${shift}`);
          const again = parseNumber(formatNumber(plain));
          const padded = parseNumber(`${digits}000e-${shift + 3}`);
          expect(numbersEqual(plain, again)).toBe(true);
          expect(numbersEqual(plain, padded)).toBe(true);
          expect(numbersEqual(plain, parseNumber(`${digits + 1n}e-${shift}`))).toBe(false);
        },
      ),
    );
  });
});

describe("fromDouble", () => {
  test("is exact for whole numbers and the shortest decimal for fractions", () => {
    expect(fromDouble(1e25)).toBe(10000000000000000905969664n);
    expect(fromDouble(0.1)).toBe(0.1);
    expect(Object.is(fromDouble(-0), 0)).toBe(true);
    expect(() => fromDouble(Number.NaN)).toThrow("not a number");
  });

  test("agrees with the decimal text of the same double", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
        (double) => {
          expect(parseNumber(formatNumber(fromDouble(double)))).toBe(double);
        },
      ),
    );
  });
});
