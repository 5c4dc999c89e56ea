import { deriveSchema } from "../schema/derive.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";
import { validateInto } from "./validate-config.ts";

/** Checks the `provider` block as far as it is known. */
export const validateProviderConfig: Handler<"validateProviderConfig"> = (session, request) =>
  answer(
    { session, verb: "validate", type: `provider ${session.definition.name}` },
    async (answering) => {
      const { provider } = await session.load();
      const node = deriveSchema(provider.schema);
      answering.node = node;
      const config = readObject(node.type, request.config, "provider configuration");
      await validateInto(answering.diagnostics, node, config, provider);
      return {};
    },
  );
