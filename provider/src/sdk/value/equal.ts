import { formatNumber, isExactNumber, numbersEqual } from "./number.ts";
import type { Type } from "./type.ts";
import { formatType } from "./type.ts";
import { Unknown } from "./unknown.ts";
import type { Value } from "./value.ts";
import { Dynamic, isMembers, isWhollyKnown, member } from "./value.ts";

/**
 * A text that is the same for two values exactly when they are equal values of that type.
 * Sets are compared without order. An unknown value has one key, whatever is known about it.
 */
export function valueKey(type: Type, value: Value): string {
  if (value === null) return "null";
  if (value instanceof Unknown) return "?";
  switch (type.kind) {
    case "list":
      return `[${(value as Value[]).map((element) => valueKey(type.element, element)).join(",")}]`;
    case "set":
      return `{${(value as Value[])
        .map((element) => valueKey(type.element, element))
        .toSorted()
        .join(",")}}`;
    case "tuple":
      return `[${type.elements.map((element, index) => valueKey(element, (value as Value[])[index]!)).join(",")}]`;
    case "map":
      return membersKey(value, () => type.element);
    case "object":
      return membersKey(value, (name) => type.attributes.get(name));
    case "dynamic":
      if (!(value instanceof Dynamic)) return "!";
      return `<${formatType(value.type)}=${valueKey(value.type, value.value)}>`;
    case "number":
      return isExactNumber(value) ? `#${formatNumber(value)}` : "!";
    default:
      return JSON.stringify(value);
  }
}

function membersKey(value: Value, typeOf: (name: string) => Type | undefined): string {
  const entries = isMembers(value) ? Object.entries(value) : [];
  const keys = entries.map(([name, element]) => {
    const type = typeOf(name);
    return `${JSON.stringify(name)}:${type === undefined ? "!" : valueKey(type, element)}`;
  });
  return `(${keys.toSorted().join(",")})`;
}

/** Whether two values of one type are equal. Unknown values equal each other and nothing else. */
export function valuesEqual(type: Type, a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  if (a instanceof Unknown || b instanceof Unknown) {
    return a instanceof Unknown && b instanceof Unknown;
  }
  switch (type.kind) {
    case "string":
    case "bool":
      return false;
    case "number":
      return isExactNumber(a) && isExactNumber(b) && numbersEqual(a, b);
    case "object":
      for (const [name, inner] of type.attributes) {
        if (!valuesEqual(inner, member(a, name), member(b, name))) return false;
      }
      return true;
    case "map":
      return mapsEqual(type.element, a, b);
    case "list":
      return listsEqual(a, b, () => type.element);
    case "tuple":
      return listsEqual(a, b, (index) => type.elements[index]!);
    default:
      // Sets have no order, and dynamic values bring a type of their own.
      return valueKey(type, a) === valueKey(type, b);
  }
}

function mapsEqual(element: Type, a: Value, b: Value): boolean {
  if (!isMembers(a) || !isMembers(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && valuesEqual(element, a[key]!, b[key]!));
}

function listsEqual(a: Value, b: Value, typeAt: (index: number) => Type): boolean {
  const [x, y] = [a as readonly Value[], b as readonly Value[]];
  if (x.length !== y.length) return false;
  return x.every((element, index) => valuesEqual(typeAt(index), element, y[index]!));
}

/**
 * The elements of a set without duplicates. Elements that are not wholly known may still turn out
 * to differ, so they all stay.
 */
export function distinct(element: Type, values: readonly Value[]): Value[] {
  const seen = new Set<string>();
  return values.filter((value) => {
    if (!isWhollyKnown(value)) return true;
    const key = valueKey(element, value);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
