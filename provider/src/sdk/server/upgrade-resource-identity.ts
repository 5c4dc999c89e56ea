import { parseExactJson } from "../value/json.ts";
import { answer } from "./answer.ts";
import { identityNode, writeIdentity } from "./identity.ts";
import type { Handler } from "./types.ts";
import { upgradeStored } from "./upgrade-chain.ts";

/** Brings a stored identity to the current version of its schema. Terraform calls it only for older ones. */
export const upgradeResourceIdentity: Handler<"upgradeResourceIdentity"> = (session, request) =>
  answer({ session, verb: "upgrade the identity of", type: request.typeName }, async () => {
    const resource = await session.resource(request.typeName);
    const { identity } = resource;
    const node = identityNode(resource);
    if (identity === undefined || node === undefined)
      throw new Error(`Objects of ${request.typeName} have no identity apart from their state.`);
    const { version, upgraders } = identity;
    const json = request.rawIdentity?.json ?? new Uint8Array();
    if (json.length === 0) throw new Error("Terraform sent no identity.");
    const versioned = { what: "identity", node, version, upgraders };
    const upgraded = upgradeStored(versioned, Number(request.version), parseExactJson(json));
    return { upgradedIdentity: writeIdentity(resource, upgraded) };
  });
