import { nestedObject, type Node } from "../../provider/src/sdk/schema/attribute.ts";

/** The type of an attribute, argument or result, as users call it. */
export function typeName(node: Node): string {
  switch (node.kind) {
    case "bool":
      return "boolean";
    case "dynamic":
      return "any type";
    case "list":
    case "set":
    case "map":
      return `${node.kind} of ${nestedObject(node) ? "objects" : plural(typeName(node.element))}`;
    default:
      return node.kind;
  }
}

function plural(name: string): string {
  return name.includes(" of ") ? name.replace(" of ", "s of ") : `${name}s`;
}
