/** The configuration as it is meant: with the defaults of what it leaves out. */

import { distinct } from "../value/equal.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import type { Attribute, Node } from "./attribute.ts";

function fill(attribute: Attribute, config: Value): Value {
  const value = config ?? attribute.default ?? null;
  return withDefaults(attribute.node, value);
}

/** Fills defaults into a value and everything inside it; what is null or unknown itself stays. */
export function withDefaults(node: Node, value: Value): Value {
  if (value === null || isUnknown(value)) return value;
  if (node.kind === "object") {
    return members(
      [...node.attributes.values()].map((attribute): [string, Value] => [
        attribute.name,
        fill(attribute, member(value, attribute.name)),
      ]),
    );
  }
  if (!("element" in node) || node.element.kind !== "object") return value;
  if (isMembers(value)) {
    return members(
      Object.entries(value).map(([key, element]): [string, Value] => [
        key,
        withDefaults(node.element, element),
      ]),
    );
  }
  const elements = (value as readonly Value[]).map((element) =>
    withDefaults(node.element, element),
  );
  return node.kind === "set" ? distinct(node.element.type, elements) : elements;
}
