import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Handler } from "./types.ts";

/** Makes the client of all later calls. A process that outlives a command is configured again. */
export const configureProvider: Handler<"configureProvider"> = (session, request, signal) =>
  answer(
    { session, verb: "configure", type: `provider ${session.definition.name}` },
    async (answering) => {
      const { provider } = await session.load();
      const node = deriveSchema(provider.schema);
      answering.node = node;
      const { diagnostics } = answering;
      const config = readObject(node.type, request.config, "provider configuration");
      const client = await provider.configure({
        config: toNative(node, config) as never,
        terraformVersion: request.terraformVersion,
        signal,
        diagnostics,
      });
      if (!diagnostics.hasErrors) session.configure(client);
      return {};
    },
  );
