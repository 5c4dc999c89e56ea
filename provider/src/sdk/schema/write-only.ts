import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import type { Node } from "./attribute.ts";

const holding = new WeakMap<Node, boolean>();

/** Whether there is a write-only attribute somewhere inside. */
function holdsWriteOnly(node: Node): boolean {
  const known = holding.get(node);
  if (known !== undefined) return known;
  const holds =
    node.kind === "object"
      ? [...node.attributes.values()].some(
          (attribute) => attribute.writeOnly || holdsWriteOnly(attribute.node),
        )
      : "element" in node && holdsWriteOnly(node.element);
  holding.set(node, holds);
  return holds;
}

/** A value with null for every write-only attribute in it: what may stand in a plan or a state. */
export function withoutWriteOnly(node: Node, value: Value): Value {
  if (value === null || isUnknown(value) || !holdsWriteOnly(node)) return value;
  if (node.kind === "object") {
    return members(
      [...node.attributes.values()].map((attribute): [string, Value] => {
        const inner = member(value, attribute.name);
        return [
          attribute.name,
          attribute.writeOnly ? null : withoutWriteOnly(attribute.node, inner),
        ];
      }),
    );
  }
  if (!("element" in node)) return value;
  if (Array.isArray(value))
    return (value as readonly Value[]).map((element) => withoutWriteOnly(node.element, element));
  if (!isMembers(value)) return value;
  return members(
    Object.entries(value).map(([key, element]): [string, Value] => [
      key,
      withoutWriteOnly(node.element, element),
    ]),
  );
}
