/**
 * Terraform's numbers are decimals of any size. They are held in one canonical form, so that two
 * equal numbers are the same JavaScript value: a `number` where it says exactly the same decimal,
 * a `bigint` for whole numbers beyond 2^53, a `Decimal` for every other fraction.
 */

import { ValueError } from "./error.ts";

/** More digits than this are refused: nobody means them, and garbage must not eat the memory. */
const MAX_DIGITS = 4096;

/** A fraction that no JavaScript number says exactly, as plain decimal text without an exponent. */
export class Decimal {
  readonly text: string;

  /** Use {@link parseNumber}: it chooses the canonical form. */
  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** A number in canonical form. Infinities occur as `number`. */
export type ExactNumber = number | bigint | Decimal;

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/u;

function plainText(text: string): string {
  const match = DECIMAL.exec(text);
  if (match === null || text.length > 2 * MAX_DIGITS) throw new ValueError("not a number");
  const [, sign, whole, fraction = "", exponentText = "0"] = match;
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_DIGITS) throw new ValueError("number is out of range");
  let digits = whole! + fraction;
  let point = whole!.length + exponent;
  if (point < 0) {
    digits = "0".repeat(-point) + digits;
    point = 0;
  }
  digits = digits.padEnd(point, "0");
  const integer = digits.slice(0, point).replace(/^0+/u, "") || "0";
  const rest = digits.slice(point).replace(/0+$/u, "");
  const magnitude = rest === "" ? integer : `${integer}.${rest}`;
  return sign === "-" && magnitude !== "0" ? `-${magnitude}` : magnitude;
}

function canonicalInteger(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/**
 * Reads decimal text, with or without an exponent.
 *
 * @throws ValueError when it is not a decimal number, or has thousands of digits.
 */
export function parseNumber(text: string): ExactNumber {
  const plain = plainText(text);
  if (!plain.includes(".")) return canonicalInteger(BigInt(plain));
  const double = Number(plain);
  return Number.isFinite(double) && plainText(String(double)) === plain
    ? double
    : new Decimal(plain);
}

/**
 * The number that a double stands for: exactly itself when whole, its shortest decimal otherwise.
 *
 * @throws ValueError for NaN.
 */
export function fromDouble(double: number): ExactNumber {
  if (Number.isNaN(double)) throw new ValueError("not a number");
  if (Number.isInteger(double)) return canonicalInteger(BigInt(double));
  return double;
}

/** The canonical form of a whole number. */
export function fromBigInt(value: bigint): ExactNumber {
  return canonicalInteger(value);
}

/** Whether a value is a number in one of its three forms; NaN is none. */
export function isExactNumber(value: unknown): value is ExactNumber {
  if (typeof value === "number") return !Number.isNaN(value);
  return typeof value === "bigint" || value instanceof Decimal;
}

/** Whether two numbers are equal. */
export function numbersEqual(a: ExactNumber, b: ExactNumber): boolean {
  if (a instanceof Decimal) return b instanceof Decimal && a.text === b.text;
  return a === b;
}

/** Plain decimal text without an exponent; `Infinity` and `-Infinity` for the infinities. */
export function formatNumber(value: ExactNumber): string {
  if (value instanceof Decimal) return value.text;
  if (typeof value === "bigint" || !Number.isFinite(value)) return String(value);
  return plainText(String(value));
}
