/** What core does with a `list` block of `terraform query`. */

import type { Value } from "../value/value.ts";
import { isWhollyKnown } from "../value/value.ts";
import { CoreViolation } from "./core-error.ts";
import { CoreIdentities } from "./core-identities.ts";
import type { CoreSchema } from "./core-schema.ts";
import { coreValue, decoded, encoded } from "./core-value.ts";
import type { ManagedResource } from "./managed-resource.ts";
import type { ProviderCaller } from "./provider-caller.ts";

/** An object as core shows it. */
export interface Listed {
  readonly displayName: string;
  readonly identity: Value;
  /** Undefined where whole states were not asked for. */
  readonly state: Value | undefined;
}

/** Validates, then reads the stream until it ends, has an error, or has given enough. */
export async function listObjects(
  caller: ProviderCaller,
  resource: ManagedResource,
  schema: CoreSchema,
  configuration: object,
  { limit = 100, wholeState = false }: { readonly limit?: number; readonly wholeState?: boolean },
): Promise<Listed[]> {
  const { typeName } = resource;
  const identities = new CoreIdentities(typeName, resource.schema.identity);
  const value = coreValue(schema.type, configuration);
  const config = encoded(schema.type, value);
  await caller.call("validateListResourceConfig", { typeName, config });
  if (!isWhollyKnown(value)) throw new Error("a list is asked for with what is known alone");
  const request = { typeName, config, includeResourceObject: wholeState, limit: BigInt(limit) };
  const found: Listed[] = [];
  if (limit === 0) return found;
  for await (const event of caller.stream("listResource", request)) {
    const { identity, diagnostic, displayName, resourceObject } = event;
    caller.check({ diagnostics: diagnostic });
    if (identity === undefined && diagnostic.length > 0) continue;
    if (displayName === "") throw new CoreViolation(`${typeName}: nothing to show of an object`);
    const known = identities.demand(identity, undefined, "identity in a list")!;
    const state =
      resourceObject === undefined
        ? undefined
        : decoded(resource.schema.type, resourceObject, "state in a list");
    if ((state === undefined) === wholeState || state === null)
      throw new CoreViolation(`${typeName}: states where none are wanted, or none where they are`);
    found.push({ displayName, identity: known, state });
    if (found.length >= limit) break;
  }
  return found;
}
