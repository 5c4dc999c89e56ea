import { deriveSchema } from "../schema/derive.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";
import { validateInto } from "./validate-config.ts";

/** Checks the `config` of a `list` block as far as it is known. */
export const validateListResourceConfig: Handler<"validateListResourceConfig"> = (
  session,
  request,
) =>
  answer({ session, verb: "validate", type: request.typeName }, async (answering) => {
    const definition = await session.listResource(request.typeName);
    const node = deriveSchema(definition.schema);
    answering.node = node;
    const config = readObject(node.type, request.config, "configuration");
    await validateInto(answering.diagnostics, node, config, definition);
    return {};
  });
