/** Values in MessagePack: the form in which Terraform and its providers exchange them. */

import { distinct } from "./equal.ts";
import { ValueError } from "./error.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { isExactNumber } from "./number.ts";
import type { Path } from "./path.ts";
import { encodeRefinements, REFINED, readNumber, readUnknown, writeNumber } from "./refinement.ts";
import type { Type } from "./type.ts";
import { formatType, parseType } from "./type.ts";
import { Unknown } from "./unknown.ts";
import type { Members, Value } from "./value.ts";
import { Dynamic, isMembers, members } from "./value.ts";

const MAX_DEPTH = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a value of a type.
 *
 * @throws ValueError naming the place when the bytes are not a value of that type.
 */
export function decodeMsgpack(type: Type, bytes: Uint8Array): Value {
  const reader = new MsgpackReader(bytes);
  const value = read(reader, type, [], 0);
  if (!reader.done) throw new ValueError("bytes are left over after the value");
  return value;
}

function read(reader: MsgpackReader, type: Type, path: Path, depth: number): Value {
  if (depth > MAX_DEPTH) throw new ValueError("value is nested too deeply", path);
  const kind = reader.kind(path);
  if (kind === "nil") {
    reader.head(path);
    return null;
  }
  if (kind === "extension") {
    const { type: extension, data } = reader.extension(path);
    return readUnknown(extension, data);
  }
  switch (type.kind) {
    case "string":
      if (kind !== "string") throw new ValueError("a string is required", path);
      return reader.string(path).normalize("NFC");
    case "number":
      return readNumber(reader, path);
    case "bool":
      if (kind !== "bool") throw new ValueError("a bool is required", path);
      return reader.head(path) === 0xc3;
    case "dynamic":
      return readDynamic(reader, path, depth);
    case "map":
      if (kind !== "map") throw new ValueError("a map is required", path);
      return readMembers(reader, path, depth, () => type.element);
    case "object":
      if (kind !== "map") throw new ValueError("an object is required", path);
      return readObject(reader, type, path, depth);
    default: {
      if (kind !== "array") throw new ValueError(`a ${type.kind} is required`, path);
      const length = reader.array(path);
      if (type.kind === "tuple" && type.elements.length !== length) {
        throw new ValueError(`a tuple of ${type.elements.length} elements is required`, path);
      }
      const elements: Value[] = [];
      for (let index = 0; index < length; index++) {
        const element = type.kind === "tuple" ? type.elements[index]! : type.element;
        elements.push(read(reader, element, [...path, index], depth + 1));
      }
      return type.kind === "set" ? distinct(type.element, elements) : elements;
    }
  }
}

function readMembers(
  reader: MsgpackReader,
  path: Path,
  depth: number,
  typeOf: (name: string) => Type | undefined,
): Members {
  const result = members();
  for (let left = reader.map(path); left > 0; left--) {
    if (reader.kind(path) !== "string") throw new ValueError("keys must be strings", path);
    const name = reader.string(path).normalize("NFC");
    const type = typeOf(name);
    if (type === undefined)
      throw new ValueError(`unsupported attribute ${JSON.stringify(name)}`, path);
    result[name] = read(reader, type, [...path, name], depth + 1);
  }
  return result;
}

function readObject(
  reader: MsgpackReader,
  type: Type & { readonly kind: "object" },
  path: Path,
  depth: number,
): Members {
  const result = readMembers(reader, path, depth, (name) => type.attributes.get(name));
  for (const name of type.attributes.keys()) {
    if (!Object.hasOwn(result, name)) {
      throw new ValueError(`attribute ${JSON.stringify(name)} is missing`, path);
    }
  }
  return result;
}

function readDynamic(reader: MsgpackReader, path: Path, depth: number): Value {
  if (reader.kind(path) !== "array" || reader.array(path) !== 2) {
    throw new ValueError("a pair of type and value is required", path);
  }
  const kind = reader.kind(path);
  if (kind !== "binary" && kind !== "string") throw new ValueError("a type is required", path);
  let type: Type;
  try {
    type = parseType(kind === "binary" ? utf8.decode(reader.binary(path)) : reader.string(path));
  } catch (cause) {
    const problem = cause instanceof ValueError ? cause.problem : "type is not valid UTF-8";
    throw new ValueError(problem, path, { cause });
  }
  const value = read(reader, type, path, depth + 1);
  // An unknown or null value in a dynamic place says nothing more with a type than without.
  return value === null || value instanceof Unknown || value instanceof Dynamic
    ? value
    : new Dynamic(type, value);
}

/** How {@link encodeMsgpack} writes unknown values. */
export interface EncodeOptions {
  /** Keep what is known about unknown values. Default false: they become wholly unknown. */
  readonly refinements?: boolean;
}

/**
 * Writes a value of a type.
 *
 * @throws ValueError naming the place when the value is not of that type.
 */
export function encodeMsgpack(type: Type, value: Value, options: EncodeOptions = {}): Uint8Array {
  const writer = new MsgpackWriter();
  write(writer, type, value, [], options);
  return writer.finish();
}

function writeUnknown(writer: MsgpackWriter, value: Unknown, options: EncodeOptions): void {
  const payload = options.refinements === true ? encodeRefinements(value.refinements) : undefined;
  if (payload === undefined) writer.extension(0, new Uint8Array(1));
  else writer.extension(REFINED, payload);
}

function write(
  writer: MsgpackWriter,
  type: Type,
  value: Value | undefined,
  path: Path,
  options: EncodeOptions,
): void {
  if (value === null) return writer.nil();
  if (value instanceof Unknown) return writeUnknown(writer, value, options);
  switch (type.kind) {
    case "string":
      if (typeof value !== "string") throw new ValueError("a string is required", path);
      return writer.string(value.normalize("NFC"));
    case "number":
      if (!isExactNumber(value)) throw new ValueError("a number is required", path);
      return writeNumber(writer, value);
    case "bool":
      if (typeof value !== "boolean") throw new ValueError("a bool is required", path);
      return writer.bool(value);
    case "dynamic":
      if (!(value instanceof Dynamic))
        throw new ValueError("a value with its type is required", path);
      writer.array(2);
      writer.binary(new TextEncoder().encode(formatType(value.type)));
      return write(writer, value.type, value.value, path, options);
    case "map": {
      if (!isMembers(value)) throw new ValueError("a map is required", path);
      const entries = Object.entries(value);
      writer.map(entries.length);
      for (const [key, element] of entries) {
        writer.string(key.normalize("NFC"));
        write(writer, type.element, element, [...path, key], options);
      }
      return;
    }
    case "object":
      if (!isMembers(value)) throw new ValueError("an object is required", path);
      for (const name of Object.keys(value)) {
        if (!type.attributes.has(name)) {
          throw new ValueError(`unsupported attribute ${JSON.stringify(name)}`, path);
        }
      }
      writer.map(type.attributes.size);
      for (const [name, attribute] of type.attributes) {
        if (!Object.hasOwn(value, name)) {
          throw new ValueError(`attribute ${JSON.stringify(name)} is missing`, path);
        }
        writer.string(name);
        write(writer, attribute, value[name], [...path, name], options);
      }
      return;
    default: {
      if (!Array.isArray(value)) throw new ValueError(`a ${type.kind} is required`, path);
      if (type.kind === "tuple" && type.elements.length !== value.length) {
        throw new ValueError(`a tuple of ${type.elements.length} elements is required`, path);
      }
      const elements = type.kind === "set" ? distinct(type.element, value) : (value as Value[]);
      writer.array(elements.length);
      for (const [index, element] of elements.entries()) {
        const elementType = type.kind === "tuple" ? type.elements[index]! : type.element;
        write(writer, elementType, element, [...path, index], options);
      }
    }
  }
}
