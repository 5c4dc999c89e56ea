import { deriveSchema } from "../schema/derive.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";
import { validateInto } from "./validate-config.ts";

/** Checks a `data` block as far as it is known. */
export const validateDataResourceConfig: Handler<"validateDataResourceConfig"> = (
  session,
  request,
) =>
  answer({ session, verb: "validate", type: request.typeName }, async (answering) => {
    const dataSource = await session.dataSource(request.typeName);
    const node = deriveSchema(dataSource.schema);
    answering.node = node;
    const config = readObject(node.type, request.config, "configuration");
    await validateInto(answering.diagnostics, node, config, dataSource);
    return {};
  });
