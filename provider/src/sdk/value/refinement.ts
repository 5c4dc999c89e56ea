/** Refinements of unknown values as they stand in the payload of MessagePack extension 12. */

import { ValueError } from "./error.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import type { ExactNumber } from "./number.ts";
import { formatNumber, fromBigInt, fromDouble, parseNumber } from "./number.ts";
import type { Path } from "./path.ts";
import type { Bound, Refinements } from "./unknown.ts";
import { Unknown, unknown } from "./unknown.ts";

/** The extension type of an unknown value with refinements. */
export const REFINED = 12;

/** Consumes a number in any of its encodings: int, float or decimal text. */
export function readNumber(reader: MsgpackReader, path: Path): ExactNumber {
  try {
    switch (reader.kind(path)) {
      case "int":
        return fromBigInt(BigInt(reader.int(path)));
      case "float":
        return fromDouble(reader.float(path));
      case "string":
        return parseNumber(reader.string(path));
      default:
        throw new ValueError("a number is required");
    }
  } catch (error) {
    if (error instanceof ValueError && error.path.length === 0) {
      throw new ValueError(error.problem, path, { cause: error });
    }
    throw error;
  }
}

/** Writes a number so that nothing of it is lost. */
export function writeNumber(writer: MsgpackWriter, value: ExactNumber): void {
  if (typeof value === "bigint" && value >= -(2n ** 63n) && value < 2n ** 64n) writer.int(value);
  else if (typeof value === "number" && Number.isSafeInteger(value)) writer.int(value);
  else if (typeof value === "number" && !Number.isFinite(value)) writer.float(value);
  else writer.string(formatNumber(value));
}

function readBound(reader: MsgpackReader): Bound {
  if (reader.kind([]) !== "array" || reader.array([]) !== 2) throw new ValueError("not a bound");
  const value = readNumber(reader, []);
  return { value, inclusive: reader.head([]) === 0xc3 };
}

/**
 * The unknown value of an extension. Whatever is not understood is left out: an unknown value
 * without refinements is always true.
 */
export function readUnknown(type: number, data: Uint8Array): Unknown {
  if (type !== REFINED) return unknown;
  const found: { -readonly [Key in keyof Refinements]: Refinements[Key] } = {};
  try {
    const reader = new MsgpackReader(data);
    for (let left = reader.map([]); left > 0; left--) {
      const key = reader.kind([]) === "int" ? Number(reader.int([])) : undefined;
      if (key === undefined) {
        reader.skip([]);
        reader.skip([]);
      } else if (key === 1) found.isNull = reader.head([]) === 0xc3;
      else if (key === 2) found.prefix = reader.string([]).normalize("NFC");
      else if (key === 3) found.lower = readBound(reader);
      else if (key === 4) found.upper = readBound(reader);
      else if (key === 5) found.minLength = Number(reader.int([]));
      else if (key === 6) found.maxLength = Number(reader.int([]));
      else reader.skip([]);
    }
  } catch {
    return unknown;
  }
  return new Unknown(found);
}

/** The payload of extension 12, or undefined where nothing is known of the value. */
export function encodeRefinements(refinements: Refinements): Uint8Array | undefined {
  const entries: ((writer: MsgpackWriter) => void)[] = [];
  const add = (key: number, write: (writer: MsgpackWriter) => void): void => {
    entries.push((writer) => {
      writer.int(key);
      write(writer);
    });
  };
  const { isNull, prefix, lower, upper, minLength, maxLength } = refinements;
  const bound = (writer: MsgpackWriter, { value, inclusive }: Bound): void => {
    writer.array(2);
    writeNumber(writer, value);
    writer.bool(inclusive);
  };
  if (isNull !== undefined) add(1, (writer) => writer.bool(isNull));
  if (prefix !== undefined) add(2, (writer) => writer.string(prefix));
  if (lower !== undefined) add(3, (writer) => bound(writer, lower));
  if (upper !== undefined) add(4, (writer) => bound(writer, upper));
  if (minLength !== undefined) add(5, (writer) => writer.int(minLength));
  if (maxLength !== undefined) add(6, (writer) => writer.int(maxLength));
  if (entries.length === 0) return undefined;
  const writer = new MsgpackWriter();
  writer.map(entries.length);
  for (const write of entries) write(writer);
  return writer.finish();
}
