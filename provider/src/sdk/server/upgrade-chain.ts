import type { Upgrader } from "../resource.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import { deriveSchema } from "../schema/derive.ts";
import { fromNative, toNative } from "../schema/native.ts";
import type { ExactJson } from "../value/json.ts";
import { fromExactJson, isJsonObject } from "../value/json.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers } from "../value/value.ts";

/** What can be brought from one version to the next: the state of a resource, or its identity. */
export interface Versioned {
  /** What it is called in an error: "state". */
  readonly what: string;
  readonly node: ObjectNode;
  readonly version: number;
  readonly upgraders?: Readonly<Record<number, Upgrader>> | undefined;
}

/**
 * Brings stored JSON to the current version. At the current version attributes that are missing become null and
 * removed ones are dropped. Throws for a version that is newer, or too old.
 */
export function upgradeStored(
  { what, node, version, upgraders = {} }: Versioned,
  from: number,
  json: ExactJson,
): Members {
  if (from > version) {
    throw new Error(
      `The ${what} was written by a later version of the provider (schema version ${from}, here ${version}). Upgrade the provider.`,
    );
  }
  if (from === version) return asObject(what, fromExactJson(node.type, json, { lenient: true }));
  // Upgraders may rely on it.
  if (!isJsonObject(json)) throw notAnObject(what);
  let native: unknown = json;
  for (let at = from; at < version; at++) {
    const upgrader = upgraders[at];
    if (upgrader === undefined) {
      throw new Error(
        `The ${what} has schema version ${at}, which this version of the provider cannot read. Apply with an older version of the provider first.`,
      );
    }
    if (at === from && upgrader.schema !== undefined) {
      const prior = deriveSchema(upgrader.schema);
      const stored = asObject(what, fromExactJson(prior.type, json, { lenient: true }));
      native = toNative(prior, stored);
    }
    native = upgrader.upgrade(native);
  }
  return asObject(what, fromNative(node, native));
}

function asObject(what: string, value: Value): Members {
  if (!isMembers(value)) throw notAnObject(what);
  return value;
}

const notAnObject = (what: string) => new Error(`The stored ${what} is not an object.`);
