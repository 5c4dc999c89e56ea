import type { Resource } from "../resource.ts";
import { deriveSchema } from "../schema/derive.ts";
import { fromNative, toNative } from "../schema/native.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import type { ExactJson } from "../value/json.ts";
import { fromExactJson, parseExactJson } from "../value/json.ts";
import type { Members } from "../value/value.ts";
import { isMembers } from "../value/value.ts";
import { answer } from "./answer.ts";
import { writeValue } from "./dynamic-value.ts";
import { overlay } from "./outcome.ts";
import type { Handler } from "./types.ts";

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
    const state = upgrade(resource, node, Number(request.version), json);
    return { upgradedState: writeValue(node.type, overlay(node, state, {}).state) };
  });

function upgrade(
  resource: Resource<unknown>,
  node: ObjectNode,
  from: number,
  json: ExactJson,
): Members {
  const { version, upgraders = {} } = resource;
  if (from > version) {
    throw new Error(
      `The state was written by a later version of the provider (schema version ${from}, here ${version}). Upgrade the provider.`,
    );
  }
  if (from === version) return asObject(fromExactJson(node.type, json, { lenient: true }));
  let native: unknown = json;
  for (let at = from; at < version; at++) {
    const upgrader = upgraders[at];
    if (upgrader === undefined) {
      throw new Error(
        `The state has schema version ${at}, which this version of the provider cannot read. Apply with an older version of the provider first.`,
      );
    }
    if (at === from && upgrader.schema !== undefined) {
      const prior = deriveSchema(upgrader.schema);
      native = toNative(prior, asObject(fromExactJson(prior.type, json, { lenient: true })));
    }
    native = upgrader.upgrade(native);
  }
  return asObject(fromNative(node, native));
}

function asObject(value: ReturnType<typeof fromExactJson>): Members {
  if (!isMembers(value)) throw new Error("The stored state is not an object.");
  return value;
}
