import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";

/** Lets an action warn and refuse at plan. */
export const planAction: Handler<"planAction"> = (session, request, signal) =>
  answer({ session, verb: "plan", type: request.actionType }, async (answering) => {
    const definition = await session.action(request.actionType);
    const node = deriveSchema(definition.schema);
    answering.node = node;
    const config = readObject(node.type, request.config, "configuration");
    await definition.plan?.({
      config: toNative(node, config) as never,
      client: session.client,
      signal,
      diagnostics: answering.diagnostics,
    });
    return {};
  });
