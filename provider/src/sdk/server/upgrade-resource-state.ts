import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import { parseExactJson } from "../value/json.ts";
import { answer } from "./answer.ts";
import { writeValue } from "./dynamic-value.ts";
import { overlay } from "./outcome.ts";
import type { Handler } from "./types.ts";
import { upgradeStored } from "./upgrade-chain.ts";

/**
 * Brings a stored state to the current schema. Terraform calls it for every object of every plan,
 * mostly with the current version already; then attributes that are missing become null and
 * removed ones are dropped.
 */
export const upgradeResourceState: Handler<"upgradeResourceState"> = (session, request) =>
  answer({ session, verb: "upgrade the state of", type: request.typeName }, async (answering) => {
    const resource = await session.resource(request.typeName);
    const node = deriveSchema(resource.schema);
    answering.node = node;
    const raw = request.rawState;
    if (raw === undefined || raw.json.length === 0) {
      const isOld = raw !== undefined && Object.keys(raw.flatmap).length > 0;
      throw new Error(
        isOld
          ? "The state was written by Terraform 0.11 or earlier, which this provider has never supported."
          : "Terraform sent no state.",
      );
    }
    const json = parseExactJson(raw.json);
    const { version, upgraders } = resource;
    const versioned = { what: "state", node, version, upgraders };
    const state = upgradeStored(versioned, Number(request.version), json);
    const stored = overlay(node, state, {}).state;
    if (resource.stored && session.isConfigured)
      resource.stored({ client: session.client, state: toNative(node, stored) as never });
    return { upgradedState: writeValue(node.type, stored) };
  });
