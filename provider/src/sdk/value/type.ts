/**
 * Terraform's type system. Every codec of this folder is driven by a `Type`: the same bytes mean a
 * list, a set or a tuple depending on the schema, so a value never travels without its type.
 */

import { ValueError } from "./error.ts";

/** A type of Terraform's type system. `dynamic` is a place whose type travels with each value. */
export type Type =
  | { readonly kind: "string" | "number" | "bool" | "dynamic" }
  | { readonly kind: "list" | "set" | "map"; readonly element: Type }
  | { readonly kind: "object"; readonly attributes: ReadonlyMap<string, Type> }
  | { readonly kind: "tuple"; readonly elements: readonly Type[] };

/** The type of Unicode text, always held in normal form NFC. */
export const string: Type = { kind: "string" };
/** The type of exact decimal numbers. */
export const number: Type = { kind: "number" };
/** The type of true and false. */
export const bool: Type = { kind: "bool" };
/** The place whose type is decided by each value. */
export const dynamic: Type = { kind: "dynamic" };

/** The type of ordered elements. */
export const list = (element: Type): Type => ({ kind: "list", element });
/** The type of unordered, distinct elements. */
export const set = (element: Type): Type => ({ kind: "set", element });
/** The type of elements under string keys. */
export const map = (element: Type): Type => ({ kind: "map", element });
/** The type of a fixed set of named attributes. */
export const object = (attributes: Readonly<Record<string, Type>>): Type => ({
  kind: "object",
  attributes: new Map(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1))),
});
/** The type of a fixed sequence of elements, each with a type of its own. */
export const tuple = (elements: readonly Type[]): Type => ({ kind: "tuple", elements });

/** Deeper types than this are refused: no schema has them, and garbage must not exhaust the stack. */
const MAX_DEPTH = 64;

function toJson(type: Type): unknown {
  switch (type.kind) {
    case "list":
    case "set":
    case "map":
      return [type.kind, toJson(type.element)];
    case "object": {
      const attributes: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
      for (const [name, attribute] of type.attributes) attributes[name] = toJson(attribute);
      return ["object", attributes];
    }
    case "tuple":
      return ["tuple", type.elements.map(toJson)];
    default:
      return type.kind;
  }
}

/** The compact JSON form that schemas and dynamic values carry, for example `["list","string"]`. */
export function formatType(type: Type): string {
  return JSON.stringify(toJson(type));
}

function fromJson(json: unknown, depth: number): Type {
  if (depth > MAX_DEPTH) throw new ValueError("type is nested too deeply");
  if (json === "string" || json === "number" || json === "bool" || json === "dynamic") {
    return { kind: json };
  }
  if (Array.isArray(json)) {
    const [kind, argument] = json as unknown[];
    if ((kind === "list" || kind === "set" || kind === "map") && json.length === 2) {
      return { kind, element: fromJson(argument, depth + 1) };
    }
    if (kind === "tuple" && json.length === 2 && Array.isArray(argument)) {
      return { kind, elements: argument.map((element) => fromJson(element, depth + 1)) };
    }
    // A third element lists optional attributes; it occurs in type constraints, never in values.
    const isObject = typeof argument === "object" && argument !== null && !Array.isArray(argument);
    if (kind === "object" && (json.length === 2 || json.length === 3) && isObject) {
      const attributes = Object.entries(argument)
        .map(([name, attribute]): [string, Type] => [
          name.normalize("NFC"),
          fromJson(attribute, depth + 1),
        ])
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
      return { kind, attributes: new Map(attributes) };
    }
  }
  throw new ValueError("not a type");
}

/**
 * Reads the compact JSON form of a type.
 *
 * @throws ValueError when the text is not a type.
 */
export function parseType(text: string): Type {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ValueError("type is not valid JSON", [], { cause });
  }
  return fromJson(json, 0);
}

/** Whether two types are the same type. */
export function typesEqual(a: Type, b: Type): boolean {
  return a === b || formatType(a) === formatType(b);
}
