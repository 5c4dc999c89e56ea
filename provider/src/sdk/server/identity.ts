/** Identities as they go over the wire, and the rule that they never change. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ResourceIdentityData,
  ResourceIdentitySchema_IdentityAttributeSchema,
  ResourceIdentitySchemaSchema,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { ResourceIdentity } from "../identity.ts";
import type { Resource } from "../resource.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import type { Problem } from "../schema/check.ts";
import { deriveSchema } from "../schema/derive.ts";
import { SchemaError } from "../schema/schema-error.ts";
import { valuesEqual } from "../value/equal.ts";
import type { Type } from "../value/type.ts";
import { formatType } from "../value/type.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, isWhollyKnown, member, members } from "../value/value.ts";
import { readValue, writeValue } from "./dynamic-value.ts";

type Identified = Pick<Resource<unknown>, "type" | "schema" | "identity">;
type Encoded = { identityData: { msgpack: Uint8Array } };

/** The identity schema as Terraform gets it. Throws SchemaError where it is none. */
export function identitySchemaMessage({
  type,
  schema,
  identity,
}: Identified & { readonly identity: ResourceIdentity }): MessageInitShape<
  typeof ResourceIdentitySchemaSchema
> {
  const [node, whole] = [deriveSchema(identity.schema), deriveSchema(schema)];
  const attributes = [...node.attributes.values()].map((attribute) => {
    const { name, required, optional, description } = attribute;
    const refuse = (problem: string): never => {
      throw new SchemaError([type, "identity", name], problem);
    };
    const own = whole.attributes.get(name);
    const text = formatType(attribute.node.type);
    if (own === undefined) return refuse("the resource has no such attribute");
    if (formatType(own.node.type) !== text) refuse("the resource's attribute has another type");
    if (!isPlain(attribute.node.type)) refuse("must be a string, number, bool or a list of them");
    if (required === optional || attribute.computed)
      refuse("must be plain or optional, without a default");
    return {
      name,
      type: new TextEncoder().encode(text),
      requiredForImport: required,
      optionalForImport: optional,
      description,
    } satisfies MessageInitShape<typeof ResourceIdentitySchema_IdentityAttributeSchema>;
  });
  return { version: BigInt(identity.version), identityAttributes: attributes };
}

function isPlain(type: Type): boolean {
  const inner = type.kind === "list" ? type.element : type;
  return inner.kind === "string" || inner.kind === "number" || inner.kind === "bool";
}

/** The model of a resource's identity; undefined where it has none. */
export function identityNode({ identity }: Pick<Identified, "identity">): ObjectNode | undefined {
  return identity === undefined ? undefined : deriveSchema(identity.schema);
}

/** The identity of an object in a state; undefined where there is no object or it is not known yet. */
export function identityOf(resource: Identified, state: Value): Members | undefined {
  const node = identityNode(resource);
  if (node === undefined || !isMembers(state)) return undefined;
  const identity = members(
    [...node.attributes.keys()].map((name): [string, Value] => [name, member(state, name)]),
  );
  const missing = [...node.attributes.values()].some(
    ({ name, required }) => required && identity[name] === null,
  );
  return missing || !isWhollyKnown(identity) ? undefined : identity;
}

/** As a response says it: undefined where there is none. */
export function writeIdentity(
  resource: Identified,
  identity: Members | undefined,
): Encoded | undefined {
  const node = identityNode(resource);
  if (node === undefined || identity === undefined) return undefined;
  return { identityData: writeValue(node.type, identity) };
}

/** The identity in a request; null where there is none. */
export function readIdentity(
  resource: Identified,
  message: ResourceIdentityData | undefined,
): Members | null {
  const node = identityNode(resource);
  const data = message?.identityData;
  if (node === undefined || data === undefined) return null;
  const value = readValue(node.type, data, "identity");
  return isMembers(value) ? value : null;
}

/** What of an identity differs from what Terraform has kept; what was not known then may be known now. */
export function identityProblems(
  resource: Identified,
  kept: Members | null,
  now: Members | undefined,
): Problem[] {
  const node = identityNode(resource);
  if (node === undefined || kept === null || now === undefined || !isWhollyKnown(kept)) return [];
  return [...node.attributes.values()]
    .filter(
      ({ name, node: { type } }) =>
        kept[name] !== null && !valuesEqual(type, member(kept, name), member(now, name)),
    )
    .map(({ name }) => ({
      path: [name],
      message: "the value is part of the identity, which must never change",
    }));
}
