/**
 * Semantic equality: two spellings of the same thing ("4GiB", "4096MiB") are no difference. Which
 * spellings mean the same follows from decoding them with the attribute's schema.
 */

import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { valuesEqual } from "../value/equal.ts";
import { ValueError } from "../value/error.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import type { Node } from "./attribute.ts";
import { toNative } from "./native.ts";

/** Decodes a present, known value. @returns undefined where it is not valid. */
export function decode(
  schema: z.ZodType,
  node: Node,
  value: Value,
): { readonly output: unknown } | undefined {
  try {
    const parsed = schema.safeParse(toNative(node, value, { omitAbsent: true }));
    return parsed.success ? { output: parsed.data } : undefined;
  } catch (error) {
    if (error instanceof ValueError) return undefined;
    throw error;
  }
}

/** Whether two values mean the same. Null and unknown mean only themselves. */
export function semanticallyEqual(node: Node, a: Value, b: Value): boolean {
  if (valuesEqual(node.type, a, b)) return true;
  if (!node.decodes || a === null || b === null || isUnknown(a) || isUnknown(b)) return false;
  switch (node.kind) {
    case "object":
      return [...node.attributes.values()].every((attribute) =>
        semanticallyEqual(attribute.node, member(a, attribute.name), member(b, attribute.name)),
      );
    case "map": {
      if (!isMembers(a) || !isMembers(b)) return false;
      const keys = Object.keys(a);
      if (keys.length !== Object.keys(b).length || !keys.every((key) => Object.hasOwn(b, key)))
        return false;
      if (keys.every((key) => semanticallyEqual(node.element, a[key]!, b[key]!))) return true;
      break;
    }
    case "list": {
      const [x, y] = [a as readonly Value[], b as readonly Value[]];
      if (
        x.length === y.length &&
        x.every((element, index) => semanticallyEqual(node.element, element, y[index]!))
      ) {
        return true;
      }
      break;
    }
    case "set": {
      const left = [...(b as readonly Value[])];
      const paired = (a as readonly Value[]).every((element) => {
        const at = left.findIndex((other) => semanticallyEqual(node.element, element, other));
        if (at >= 0) left.splice(at, 1);
        return at >= 0;
      });
      if (paired && left.length === 0) return true;
      break;
    }
    default:
  }
  const [x, y] = [decode(node.schema, node, a), decode(node.schema, node, b)];
  return x !== undefined && y !== undefined && isDeepStrictEqual(x.output, y.output);
}

/**
 * The next value, spelled as the prior one wherever both mean the same: in objects attribute by
 * attribute, in maps by key, in lists by index, in sets by element.
 */
export function keepSpelling(node: Node, next: Value, prior: Value): Value {
  if (next === null || prior === null || isUnknown(next) || isUnknown(prior)) return next;
  if (semanticallyEqual(node, next, prior)) return prior;
  switch (node.kind) {
    case "object":
      return members(
        [...node.attributes.values()].map(({ name, node: inner }): [string, Value] => [
          name,
          keepSpelling(inner, member(next, name), member(prior, name)),
        ]),
      );
    case "map":
      return members(
        Object.entries(next).map(([key, element]: [string, Value]): [string, Value] => [
          key,
          keepSpelling(node.element, element, member(prior, key)),
        ]),
      );
    case "list":
      return (next as readonly Value[]).map((element, index) =>
        keepSpelling(node.element, element, (prior as readonly Value[])[index] ?? null),
      );
    case "set":
      return (next as readonly Value[]).map(
        (element) =>
          (prior as readonly Value[]).find((other) =>
            semanticallyEqual(node.element, element, other),
          ) ?? element,
      );
    default:
      return next;
  }
}
