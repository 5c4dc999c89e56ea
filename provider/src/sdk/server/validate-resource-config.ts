import type { Diagnostics } from "../diagnostic.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import { nestedObject } from "../schema/attribute.ts";
import { deriveSchema } from "../schema/derive.ts";
import type { Path } from "../value/path.ts";
import { formatPath } from "../value/path.ts";
import type { Value } from "../value/value.ts";
import { isMembers, member } from "../value/value.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";
import { validateInto } from "./validate-config.ts";

/** Checks a `resource` block as far as it is known. */
export const validateResourceConfig: Handler<"validateResourceConfig"> = (session, request) =>
  answer({ session, verb: "validate", type: request.typeName }, async (answering) => {
    const resource = await session.resource(request.typeName);
    const node = deriveSchema(resource.schema);
    answering.node = node;
    const config = readObject(node.type, request.config, "configuration");
    if (request.clientCapabilities?.writeOnlyAttributesAllowed !== true) {
      refuseWriteOnly(answering.diagnostics, node, config, []);
    }
    await validateInto(answering.diagnostics, node, config, resource);
    return {};
  });

/** A Terraform that does not know write-only attributes would write their values into the state. */
function refuseWriteOnly(
  diagnostics: Diagnostics,
  node: ObjectNode,
  config: Value,
  path: Path,
): void {
  for (const { name, writeOnly, node: inner } of node.attributes.values()) {
    const value = member(config, name);
    const at = [...path, name];
    if (writeOnly && value !== null) {
      const place = formatPath(at);
      diagnostics.error(
        `Write-only attribute ${place} is not supported`,
        `${place} would be stored in the state: write-only attributes need Terraform 1.11 or later.`,
        at,
      );
    }
    const nested = nestedObject(inner);
    if (nested === undefined || value === null) continue;
    if (inner.kind === "object") refuseWriteOnly(diagnostics, nested, value, at);
    else if (isMembers(value)) {
      for (const key of Object.keys(value))
        refuseWriteOnly(diagnostics, nested, value[key]!, [...at, key]);
    } else if (Array.isArray(value)) {
      for (const [index, element] of (value as readonly Value[]).entries()) {
        refuseWriteOnly(diagnostics, nested, element, [...at, index]);
      }
    }
  }
}
