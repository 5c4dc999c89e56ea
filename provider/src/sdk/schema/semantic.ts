/**
 * Semantic equality: two spellings of the same thing ("4GiB", "4096MiB") are no difference. Which
 * spellings mean the same follows from decoding them with the attribute's schema.
 */

import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { valueKey, valuesEqual } from "../value/equal.ts";
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
    case "set":
      if (pairUp(node.element, a as readonly Value[], b as readonly Value[]).complete) return true;
      break;
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
      return pairUp(node.element, next as readonly Value[], prior as readonly Value[]).partners;
    default:
      return next;
  }
}

/**
 * Pairs each element of one set with one of another that means the same. Equal elements are paired
 * first, so that decoding, which is slow, is left to the few that differ.
 */
function pairUp(
  element: Node,
  elements: readonly Value[],
  others: readonly Value[],
): { readonly partners: Value[]; readonly complete: boolean } {
  const left = new Map(others.map((other) => [valueKey(element.type, other), other]));
  const partners = [...elements];
  const single: number[] = [];
  for (const [index, value] of elements.entries()) {
    if (!left.delete(valueKey(element.type, value))) single.push(index);
  }
  let paired = elements.length - single.length;
  if (element.decodes) {
    for (const index of single) {
      const partner = [...left].find(([, other]) =>
        semanticallyEqual(element, elements[index]!, other),
      );
      if (partner === undefined) continue;
      left.delete(partner[0]);
      partners[index] = partner[1];
      paired++;
    }
  }
  return { partners, complete: paired === elements.length && left.size === 0 };
}
