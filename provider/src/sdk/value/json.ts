/** Values in JSON: the form in which Terraform's state file holds them. */

import { distinct } from "./equal.ts";
import { ValueError } from "./error.ts";
import { Decimal, formatNumber, isExactNumber, parseNumber } from "./number.ts";
import type { Path } from "./path.ts";
import type { Type } from "./type.ts";
import { formatType, parseType } from "./type.ts";
import type { Members, Value } from "./value.ts";
import { Dynamic, isMembers, members } from "./value.ts";

const MAX_DEPTH = 64;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** JSON with exact numbers; objects have no prototype, so that `__proto__` is only a key. */
export type ExactJson =
  | null
  | string
  | boolean
  | number
  | bigint
  | Decimal
  | readonly ExactJson[]
  | { readonly [name: string]: ExactJson };

type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context: { source?: string },
) => unknown;

/**
 * Reads JSON text or UTF-8 bytes without losing a digit of any number.
 *
 * @throws ValueError when it is not JSON.
 */
export function parseExactJson(text: string | Uint8Array): ExactJson {
  const reviver: Reviver = (_key, value, context) => {
    if (typeof value === "number") return parseNumber(context.source ?? String(value));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value instanceof Decimal ? value : Object.setPrototypeOf(value, null);
    }
    return value;
  };
  try {
    const decoded = typeof text === "string" ? text : utf8.decode(text);
    return JSON.parse(decoded, reviver as (this: unknown, key: string, value: unknown) => unknown);
  } catch (cause) {
    const problem = cause instanceof ValueError ? cause.problem : "not valid JSON";
    throw new ValueError(problem, [], { cause });
  }
}

/** How {@link decodeJson} treats objects. */
export interface DecodeJsonOptions {
  /**
   * For state that an older or newer provider wrote: attributes that are missing are null, and
   * those that the type does not have are ignored. Default false: both are errors.
   */
  readonly lenient?: boolean;
}

/**
 * Reads a value of a type from JSON.
 *
 * @throws ValueError naming the place when it is not a value of that type.
 */
export function decodeJson(
  type: Type,
  text: string | Uint8Array,
  options: DecodeJsonOptions = {},
): Value {
  return fromExactJson(type, parseExactJson(text), options);
}

/** Reads a value of a type from JSON that is parsed already. @throws ValueError as {@link decodeJson}. */
export function fromExactJson(type: Type, json: ExactJson, options: DecodeJsonOptions = {}): Value {
  return read(type, json, [], 0, options.lenient === true);
}

/** Whether it is an object, and not a number that is kept exact. */
export function isJsonObject(json: ExactJson): json is { readonly [name: string]: ExactJson } {
  const compound = typeof json === "object" && json !== null && !Array.isArray(json);
  return compound && !(json instanceof Decimal);
}

function read(type: Type, json: ExactJson, path: Path, depth: number, lenient: boolean): Value {
  if (depth > MAX_DEPTH) throw new ValueError("value is nested too deeply", path);
  if (json === null) return null;
  switch (type.kind) {
    case "string":
      if (typeof json === "string") return json.normalize("NFC");
      // Terraform converts between primitive types, and so does an old state file.
      if (typeof json === "boolean") return String(json);
      if (isExactNumber(json)) return formatNumber(json);
      throw new ValueError("a string is required", path);
    case "number":
      if (isExactNumber(json)) return json;
      if (typeof json !== "string") throw new ValueError("a number is required", path);
      try {
        return parseNumber(json);
      } catch (cause) {
        throw new ValueError("a number is required", path, { cause });
      }
    case "bool":
      if (typeof json === "boolean") return json;
      if (json === "true" || json === "false") return json === "true";
      throw new ValueError("a bool is required", path);
    case "dynamic":
      return readDynamic(json, path, depth, lenient);
    case "map":
      if (!isJsonObject(json)) throw new ValueError("a map is required", path);
      return members(
        Object.entries(json).map(([key, element]): [string, Value] => {
          const name = key.normalize("NFC");
          return [name, read(type.element, element, [...path, name], depth + 1, lenient)];
        }),
      );
    case "object":
      return readObject(type, json, path, depth, lenient);
    default: {
      if (!Array.isArray(json)) throw new ValueError(`a ${type.kind} is required`, path);
      if (type.kind === "tuple" && type.elements.length !== json.length) {
        throw new ValueError(`a tuple of ${type.elements.length} elements is required`, path);
      }
      const elements = (json as readonly ExactJson[]).map((element, index) => {
        const elementType = type.kind === "tuple" ? type.elements[index]! : type.element;
        return read(elementType, element, [...path, index], depth + 1, lenient);
      });
      return type.kind === "set" ? distinct(type.element, elements) : elements;
    }
  }
}

function readObject(
  type: Type & { readonly kind: "object" },
  json: ExactJson,
  path: Path,
  depth: number,
  lenient: boolean,
): Value {
  if (!isJsonObject(json)) throw new ValueError("an object is required", path);
  const stranger = Object.keys(json).find((name) => !type.attributes.has(name.normalize("NFC")));
  if (stranger !== undefined && !lenient) {
    throw new ValueError(`unsupported attribute ${JSON.stringify(stranger)}`, path);
  }
  return members(
    [...type.attributes].map(([name, attribute]): [string, Value] => {
      const present = Object.hasOwn(json, name);
      if (!present && !lenient) {
        throw new ValueError(`attribute ${JSON.stringify(name)} is missing`, path);
      }
      const element = present ? json[name]! : null;
      return [name, read(attribute, element, [...path, name], depth + 1, lenient)];
    }),
  );
}

function readDynamic(json: ExactJson, path: Path, depth: number, lenient: boolean): Value {
  if (!isJsonObject(json) || !Object.hasOwn(json, "type") || !Object.hasOwn(json, "value")) {
    throw new ValueError("an object of type and value is required", path);
  }
  let type: Type;
  try {
    type = parseType(JSON.stringify(json["type"]));
  } catch (cause) {
    const problem = cause instanceof ValueError ? cause.problem : "not a type";
    throw new ValueError(problem, path, { cause });
  }
  const value = read(type, json["value"]!, path, depth + 1, lenient);
  return value === null || value instanceof Dynamic ? value : new Dynamic(type, value);
}

/**
 * Writes a wholly known value of a type as JSON text.
 *
 * @throws ValueError naming the place when something is unknown or not of the type.
 */
export function encodeJson(type: Type, value: Value): string {
  return write(type, value, []);
}

function write(type: Type, value: Value | undefined, path: Path): string {
  if (value === null) return "null";
  switch (type.kind) {
    case "string":
      if (typeof value === "string") return JSON.stringify(value.normalize("NFC"));
      break;
    case "number":
      if (isExactNumber(value) && (typeof value !== "number" || Number.isFinite(value))) {
        return formatNumber(value);
      }
      break;
    case "bool":
      if (typeof value === "boolean") return String(value);
      break;
    case "dynamic":
      if (value instanceof Dynamic) {
        return `{"type":${formatType(value.type)},"value":${write(value.type, value.value, path)}}`;
      }
      break;
    case "map":
      if (isMembers(value)) {
        return writeMembers(value, Object.keys(value).toSorted(), () => type.element, path);
      }
      break;
    case "object":
      if (isMembers(value)) {
        const { attributes } = type;
        return writeMembers(value, [...attributes.keys()], (name) => attributes.get(name)!, path);
      }
      break;
    default:
      if (Array.isArray(value)) {
        const elements = type.kind === "set" ? distinct(type.element, value) : (value as Value[]);
        const parts = elements.map((element, index) => {
          const elementType = type.kind === "tuple" ? type.elements[index]! : type.element;
          return write(elementType, element, [...path, index]);
        });
        return `[${parts.join(",")}]`;
      }
  }
  throw new ValueError(`a known ${type.kind} is required`, path);
}

function writeMembers(
  value: Members,
  names: readonly string[],
  typeOf: (name: string) => Type,
  path: Path,
): string {
  const parts = names.map((name) => {
    const text = write(typeOf(name), value[name], [...path, name]);
    return `${JSON.stringify(name.normalize("NFC"))}:${text}`;
  });
  return `{${parts.join(",")}}`;
}
