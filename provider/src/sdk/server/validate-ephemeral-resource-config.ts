import { deriveSchema } from "../schema/derive.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";
import { validateInto } from "./validate-config.ts";

/** Checks an `ephemeral` block as far as it is known. */
export const validateEphemeralResourceConfig: Handler<"validateEphemeralResourceConfig"> = (
  session,
  request,
) =>
  answer({ session, verb: "validate", type: request.typeName }, async (answering) => {
    const ephemeral = await session.ephemeralResource(request.typeName);
    const node = deriveSchema(ephemeral.schema);
    answering.node = node;
    const config = readObject(node.type, request.config, "configuration");
    await validateInto(answering.diagnostics, node, config, ephemeral);
    return {};
  });
