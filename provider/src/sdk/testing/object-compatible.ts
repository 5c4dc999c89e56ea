/** What core demands of a result, and of a second plan, that completes a plan. */

import { valuesEqual } from "../value/equal.ts";
import type { Path } from "../value/path.ts";
import { formatPath } from "../value/path.ts";
import type { Type } from "../value/type.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { Dynamic, member } from "../value/value.ts";

function entriesOf(value: Value): [string, Value][] {
  return Object.entries<Value>(value as Members);
}

/** Everything for which core would say "Provider produced inconsistent result after apply". */
export function assertObjectCompatible(
  type: Type,
  planned: Value,
  actual: Value,
  path: Path = [],
): string[] {
  const refuse = (problem: string): string[] => [
    `${formatPath(path) || "root object"}: ${problem}`,
  ];
  if (isUnknown(planned)) return [];
  if (actual === null || planned === null) {
    if (actual === planned) return [];
    return refuse(planned === null ? "was null, but now is not" : "was known, but now null");
  }
  if (isUnknown(actual)) return refuse("was known, but now unknown");
  switch (type.kind) {
    case "dynamic":
      if (!(planned instanceof Dynamic) || !(actual instanceof Dynamic))
        return refuse("wrong final value type");
      return assertObjectCompatible(planned.type, planned.value, actual.value, path);
    case "object":
      return [...type.attributes].flatMap(([name, inner]) =>
        assertObjectCompatible(inner, member(planned, name), member(actual, name), [...path, name]),
      );
    case "list":
    case "tuple":
    case "map": {
      const before = entriesOf(planned);
      const after = new Map(entriesOf(actual));
      const appeared = [...after.keys()].filter((key) => !before.some(([name]) => name === key));
      return [
        ...appeared.flatMap((key) => refuse(`new element ${key} has appeared`)),
        ...before.flatMap(([key, element]) => {
          const now = after.get(key);
          if (now === undefined) return refuse(`element ${key} has vanished`);
          const inner = type.kind === "tuple" ? type.elements[Number(key)]! : type.element;
          return assertObjectCompatible(inner, element, now, [
            ...path,
            type.kind === "map" ? key : Number(key),
          ]);
        }),
      ];
    }
    case "set": {
      const [before, after] = [planned as readonly Value[], actual as readonly Value[]];
      const fits = (a: Value, b: Value): boolean =>
        assertObjectCompatible(type.element, a, b, path).length === 0;
      if (after.length > before.length) return refuse("the set has grown");
      if (!before.every((a) => after.some((b) => fits(a, b))))
        return refuse("a planned set element is missing");
      if (!after.every((b) => before.some((a) => fits(a, b))))
        return refuse("a set element was not planned");
      return [];
    }
    default:
      return valuesEqual(type, planned, actual) ? [] : refuse("the value has changed");
  }
}
