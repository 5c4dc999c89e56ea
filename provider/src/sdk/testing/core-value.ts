/** Plain JavaScript for tests: what stands in configurations, and what comes out of states. */

import { distinct } from "../value/equal.ts";
import { decodeMsgpack, encodeMsgpack } from "../value/msgpack.ts";
import { fromBigInt, fromDouble } from "../value/number.ts";
import type { Type } from "../value/type.ts";
import { Unknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { Dynamic, isWhollyKnown, members } from "../value/value.ts";
import { CoreViolation } from "./core-error.ts";

/**
 * A value from plain JavaScript: arrays or `Set` for collections, `Unknown` anywhere, absent
 * attributes left out.
 */
export function coreValue(type: Type, plain: unknown): Value {
  if (plain === null || plain === undefined) return null;
  if (plain instanceof Unknown) return plain;
  switch (type.kind) {
    case "string":
      return (plain as string).normalize("NFC");
    case "number":
      return typeof plain === "bigint"
        ? fromBigInt(plain)
        : typeof plain === "number"
          ? fromDouble(plain)
          : (plain as Value);
    case "bool":
      return Boolean(plain);
    case "dynamic":
      return plain as Dynamic;
    case "map":
      return members(
        Object.entries(plain).map(([key, element]: [string, unknown]): [string, Value] => [
          key,
          coreValue(type.element, element),
        ]),
      );
    case "object": {
      const stranger = Object.keys(plain).find((name) => !type.attributes.has(name));
      if (stranger !== undefined) throw new Error(`Unsupported argument: ${stranger}`);
      return members(
        [...type.attributes].map(([name, inner]): [string, Value] => [
          name,
          coreValue(inner, (plain as Record<string, unknown>)[name]),
        ]),
      );
    }
    default: {
      const elements = [...(plain as Iterable<unknown>)].map((element, index) =>
        coreValue(type.kind === "tuple" ? type.elements[index]! : type.element, element),
      );
      return type.kind === "set" ? distinct(type.element, elements) : elements;
    }
  }
}

/** The plain JavaScript of a value: sets are arrays, numbers exact, unknown values `Unknown`. */
export function plainValue(value: Value): unknown {
  if (value === null || typeof value !== "object" || value instanceof Unknown) return value;
  if (value instanceof Dynamic) return plainValue(value.value);
  if (Array.isArray(value)) return (value as readonly Value[]).map(plainValue);
  if (Object.getPrototypeOf(value) !== null) return value;
  return Object.fromEntries(
    Object.entries(value as Members).map(([name, inner]) => [name, plainValue(inner)]),
  );
}

/** A value as core sends it: unknown values with all that is known of them. */
export function encoded(type: Type, value: Value): { msgpack: Uint8Array } {
  return { msgpack: encodeMsgpack(type, value, { refinements: true }) };
}

/**
 * A value as core receives it.
 *
 * @throws CoreViolation when it is not of the type, or not known where it must be
 */
export function decoded(
  type: Type,
  message: { readonly msgpack: Uint8Array } | undefined,
  what: string,
  mayBeUnknown = false,
): Value {
  if (message === undefined || message.msgpack.length === 0) {
    throw new CoreViolation(`${what}: no MessagePack was sent`);
  }
  let value: Value;
  try {
    value = decodeMsgpack(type, message.msgpack);
  } catch (cause) {
    throw new CoreViolation(`${what} does not conform to the schema: ${String(cause)}`, { cause });
  }
  if (!mayBeUnknown && !isWhollyKnown(value))
    throw new CoreViolation(`${what} is not wholly known`);
  return value;
}
