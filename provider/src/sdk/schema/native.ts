/** Between Terraform's values and what authors see: see `values.ts` one folder up. */

import { distinct } from "../value/equal.ts";
import { ValueError } from "../value/error.ts";
import { Decimal, formatNumber, fromBigInt, fromDouble, isExactNumber } from "../value/number.ts";
import type { Path } from "../value/path.ts";
import type { Type } from "../value/type.ts";
import { bool, number, object, set, string, tuple } from "../value/type.ts";
import { Unknown, unknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { Dynamic, isMembers, member, members } from "../value/value.ts";
import type { Node } from "./attribute.ts";

/** How {@link toNative} says that there is nothing. */
export interface NativeOptions {
  /** What an unknown value becomes. Default `keep`: the `Unknown` itself. */
  readonly unknowns?: "keep" | "null";
  /** Leave absent attributes out of objects instead of giving null, as zod wants it. */
  readonly omitAbsent?: boolean;
}

/**
 * The author's side of a value.
 *
 * @throws ValueError when a number does not fit a JavaScript number and the schema asks for one.
 */
export function toNative(
  node: Node,
  value: Value,
  options: NativeOptions = {},
  path: Path = [],
): unknown {
  if (value === null) return null;
  if (value instanceof Unknown) return options.unknowns === "null" ? null : value;
  switch (node.kind) {
    case "number":
      return nativeNumber(value, node.bigint, path);
    case "dynamic":
      return value instanceof Dynamic ? plain(value.type, value.value, path) : value;
    case "list":
    case "set": {
      const elements = (value as readonly Value[]).map((element, index) =>
        toNative(node.element, element, options, [...path, index]),
      );
      if (node.kind === "list") return elements;
      // Each unknown element of a set stands for itself and must not coalesce with the others.
      return new Set(
        elements.map((element) =>
          element instanceof Unknown ? new Unknown(element.refinements) : element,
        ),
      );
    }
    case "map": {
      const result = Object.create(null) as Record<string, unknown>;
      if (!isMembers(value)) return result;
      for (const [key, element] of Object.entries(value)) {
        result[key] = toNative(node.element, element, options, [...path, key]);
      }
      return result;
    }
    case "object": {
      const result = Object.create(null) as Record<string, unknown>;
      for (const [name, attribute] of node.attributes) {
        const native = toNative(attribute.node, member(value, name), options, [...path, name]);
        if (native !== null || options.omitAbsent !== true) result[name] = native;
      }
      return result;
    }
    default:
      return value;
  }
}

function nativeNumber(value: Value, wantsBigint: boolean, path: Path): number | bigint {
  if (wantsBigint) {
    if (typeof value === "bigint") return value;
    if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
    throw new ValueError("must be a whole number", path);
  }
  if (typeof value === "number") return value;
  // The literal is not repeated: the attribute may be sensitive.
  const problem =
    value instanceof Decimal
      ? "must have fewer digits: this fraction is no 64-bit floating point number"
      : "must be a whole number between -(2^53 - 1) and 2^53 - 1";
  throw new ValueError(problem, path);
}

/** A value of any type, for functions. Whole numbers beyond 2^53 are bigint, long fractions text. */
function plain(type: Type, value: Value, path: Path): unknown {
  if (value === null || value instanceof Unknown) return value;
  if (value instanceof Decimal) return formatNumber(value);
  if (value instanceof Dynamic) return plain(value.type, value.value, path);
  if (Array.isArray(value)) {
    const elements = (value as readonly Value[]).map((element, index) => {
      const elementType =
        type.kind === "tuple" ? type.elements[index]! : (type as { element: Type }).element;
      return plain(elementType, element, [...path, index]);
    });
    return type.kind === "set" ? new Set(elements) : elements;
  }
  if (isMembers(value)) {
    const result = Object.create(null) as Record<string, unknown>;
    for (const [name, element] of Object.entries(value)) {
      const elementType =
        type.kind === "object" ? type.attributes.get(name)! : (type as { element: Type }).element;
      result[name] = plain(elementType, element, [...path, name]);
    }
    return result;
  }
  return value;
}

/** Whether something is a plain object; a promise or a `Date` in its place is a mistake. */
export function isPlainObject(native: unknown): native is Record<string, unknown> {
  if (typeof native !== "object" || native === null) return false;
  const prototype: unknown = Object.getPrototypeOf(native);
  return prototype === null || prototype === Object.prototype;
}

/**
 * The value of what an author returned or wrote as a default. Undefined is null.
 *
 * @throws ValueError naming the place where it does not fit the schema.
 */
export function fromNative(node: Node, native: unknown, path: Path = []): Value {
  if (native === null || native === undefined) return null;
  if (native instanceof Unknown) return unknown;
  const wrong = (): never => {
    throw new ValueError(`${node.kind === "object" ? "an" : "a"} ${node.kind} is required`, path);
  };
  switch (node.kind) {
    case "string":
      return typeof native === "string" ? native.normalize("NFC") : wrong();
    case "bool":
      return typeof native === "boolean" ? native : wrong();
    case "number":
      if (typeof native === "bigint") return fromBigInt(native);
      return isExactNumber(native) && typeof native === "number" ? fromDouble(native) : wrong();
    case "dynamic":
      return dynamicValue(native, path);
    case "list":
    case "set": {
      if (!Array.isArray(native) && !(native instanceof Set)) return wrong();
      const elements: unknown[] = [...(native as Iterable<unknown>)];
      const values = elements.map((element, index) =>
        fromNative(node.element, element, [...path, index]),
      );
      return node.kind === "set" ? distinct(node.element.type, values) : values;
    }
    case "map":
      if (!isPlainObject(native)) return wrong();
      return members(
        Object.entries(native).map(([key, element]): [string, Value] => [
          key.normalize("NFC"),
          fromNative(node.element, element, [...path, key]),
        ]),
      );
    case "object": {
      if (!isPlainObject(native)) return wrong();
      const stranger = Object.keys(native).find((name) => !node.attributes.has(name));
      if (stranger !== undefined) {
        throw new ValueError(`the schema has no attribute ${JSON.stringify(stranger)}`, path);
      }
      return members(
        [...node.attributes].map(([name, attribute]): [string, Value] => [
          name,
          fromNative(attribute.node, native[name], [...path, name]),
        ]),
      );
    }
  }
}

/** A plain JavaScript value with its type: arrays are tuples, sets of one type sets. */
function dynamicValue(native: unknown, path: Path): Value {
  const typed = inferred(native, path);
  return typed === null ? null : new Dynamic(typed.type, typed.value);
}

function inferred(native: unknown, path: Path): Dynamic | null {
  if (native === null || native === undefined) return null;
  if (typeof native === "string") return new Dynamic(string, native.normalize("NFC"));
  if (typeof native === "boolean") return new Dynamic(bool, native);
  if (typeof native === "bigint") return new Dynamic(number, fromBigInt(native));
  if (typeof native === "number") return new Dynamic(number, fromDouble(native));
  if (Array.isArray(native) || native instanceof Set) {
    const elements = [...(native as Iterable<unknown>)].map((element, index) =>
      inferred(element, [...path, index]),
    );
    const values = elements.map((element) => element?.value ?? null);
    // A null has no type of its own; string stands in for it.
    const types = elements.map((element) => element?.type ?? string);
    if (Array.isArray(native)) return new Dynamic(tuple(types), values);
    return new Dynamic(set(types[0] ?? string), values);
  }
  if (!isPlainObject(native)) throw new ValueError("no value of Terraform's", path);
  const entries = Object.entries(native).map(
    ([name, element]) => [name, inferred(element, [...path, name])] as const,
  );
  return new Dynamic(
    object(Object.fromEntries(entries.map(([name, element]) => [name, element?.type ?? string]))),
    members(entries.map(([name, element]) => [name, element?.value ?? null])),
  );
}
