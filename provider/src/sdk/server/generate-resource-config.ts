import { deriveSchema } from "../schema/derive.ts";
import type { Attribute, Node } from "../schema/attribute.ts";
import { valuesEqual } from "../value/equal.ts";
import type { Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import { answer } from "./answer.ts";
import { readObject, writeValue } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";

/**
 * The configuration of an object that exists already, for `-generate-config-out`: what a user would have written, so
 * neither what the provider computes nor what is the default anyway.
 */
export const generateResourceConfig: Handler<"generateResourceConfig"> = (session, request) =>
  answer(
    { session, verb: "generate the configuration of", type: request.typeName },
    async (answering) => {
      const resource = await session.resource(request.typeName);
      const node = deriveSchema(resource.schema);
      answering.node = node;
      const state = readObject(node.type, request.state, "state");
      return { config: writeValue(node.type, written(node, state)) };
    },
  );

function written(node: Node, value: Value): Value {
  if (value === null) return null;
  if (node.kind === "object") {
    return members(
      [...node.attributes.values()].map((attribute): [string, Value] => [
        attribute.name,
        writtenAttribute(attribute, member(value, attribute.name)),
      ]),
    );
  }
  if (!("element" in node) || node.element.kind !== "object") return value;
  if (isMembers(value)) {
    return members(
      Object.entries(value).map(([key, element]): [string, Value] => [
        key,
        written(node.element, element),
      ]),
    );
  }
  return (value as readonly Value[]).map((element) => written(node.element, element));
}

function writtenAttribute(attribute: Attribute, value: Value): Value {
  const { node, required, optional, writeOnly, deprecated } = attribute;
  if ((!required && !optional) || writeOnly) return null;
  if (!required && deprecated !== "") return null;
  const preset = attribute.default;
  if (preset !== undefined && valuesEqual(node.type, preset, value)) return null;
  return written(node, value);
}
