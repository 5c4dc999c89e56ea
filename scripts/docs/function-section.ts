import type { FunctionParameter, ProviderFunction } from "../../provider/src/sdk/function.ts";
import { nestedObject } from "../../provider/src/sdk/schema/attribute.ts";
import { deriveType } from "../../provider/src/sdk/schema/derive.ts";
import { typeName } from "./type-name.ts";

/** How a function is called, what it takes and what it returns. */
export function functionSection(definition: ProviderFunction): string {
  const { name, parameters, variadic, returns } = definition;
  const all = [...parameters, ...(variadic ? [variadic] : [])];
  const taken = all.map((parameter) => {
    const dots = parameter === variadic ? "..." : "";
    return `${parameter.name} ${type(parameter.schema)}${dots}`;
  });
  const result = deriveType(returns);
  const members = [...(nestedObject(result)?.attributes.values() ?? [])].map((member) =>
    `- \`${member.name}\` (${typeName(member.node)}) ${member.description}`.trim(),
  );
  return [
    "## Signature",
    `\`\`\`text\nprovider::lodge::${name}(${taken.join(", ")}) ${typeName(result)}\n\`\`\``,
    "## Arguments",
    all.map((parameter, index) => argument(parameter, index)).join("\n"),
    ...(members.length === 0 ? [] : ["## Result", members.join("\n")]),
  ].join("\n\n");
}

function argument({ name, schema, description, allowNull }: FunctionParameter, index: number) {
  const nullable = allowNull ? ", may be null" : "";
  return `${index + 1}. \`${name}\` (${type(schema)}${nullable}) ${description}`;
}

function type(schema: FunctionParameter["schema"]): string {
  return typeName(deriveType(schema));
}
