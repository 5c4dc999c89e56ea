/** Derives what GetProviderSchema answers. Used at build time: the executable carries the result. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import type {
  Function_ParameterSchema,
  FunctionSchema,
  GetProviderSchema_Response,
  GetResourceIdentitySchemas_Response,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import {
  GetProviderSchema_ResponseSchema,
  GetResourceIdentitySchemas_ResponseSchema,
  StringKind,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { z } from "zod";
import type { FunctionParameter, ProviderFunction } from "../function.ts";
import type { Provider } from "../provider.ts";
import { schemaMessage } from "../schema/block.ts";
import { deriveSchema, deriveType } from "../schema/derive.ts";
import { SchemaError } from "../schema/schema-error.ts";
import { formatType } from "../value/type.ts";
import { identitySchemaMessage } from "./identity.ts";

interface Described {
  readonly type: string;
  readonly schema: z.ZodObject;
  readonly description: string;
  readonly deprecated?: string;
  readonly version?: number;
}

/**
 * The answer of GetProviderSchema, derived from the schemas of everything in the provider. The
 * same provider always gives the same bytes.
 *
 * @throws SchemaError when something cannot be expressed in Terraform
 */
export function deriveProviderSchema(provider: Provider): GetProviderSchema_Response {
  const schemas = (list: readonly Described[]) =>
    Object.fromEntries(
      sorted(list, ({ type }) => type).map((item) => {
        const { type, schema, description, deprecated, version } = item;
        const node = deriveSchema(schema);
        return [type, schemaMessage(node, { version: version ?? 0, description, deprecated })];
      }),
    );
  const { listResources = [], actions = [] } = provider;
  checkLists(provider);
  return create(GetProviderSchema_ResponseSchema, {
    provider: schemaMessage(deriveSchema(provider.schema), { description: provider.description }),
    resourceSchemas: schemas(provider.resources),
    dataSourceSchemas: schemas(provider.dataSources),
    ephemeralResourceSchemas: schemas(provider.ephemeralResources ?? []),
    listResourceSchemas: schemas(listResources.map(configured)),
    actionSchemas: Object.fromEntries(
      Object.entries(schemas(actions.map(configured))).map(([type, schema]) => [type, { schema }]),
    ),
    functions: Object.fromEntries(
      sorted(provider.functions ?? [], ({ name }) => name).map((item) => [
        item.name,
        functionMessage(item),
      ]),
    ),
    serverCapabilities: {
      planDestroy: true,
      getProviderSchemaOptional: true,
      generateResourceConfig: true,
    },
  });
}

/** What a list or an action is told has no state for a computed value to stand in. */
function configured<T extends Described>(item: T): T {
  for (const { name, computed } of deriveSchema(item.schema).attributes.values()) {
    if (computed)
      throw new SchemaError([item.type, name], "a list or an action has nothing computed");
  }
  return item;
}

/** Terraform shows the objects of a list by the identity of their resource. */
function checkLists({ listResources = [], resources }: Provider): void {
  for (const { type } of listResources) {
    const resource = resources.find((item) => item.type === type);
    if (resource?.identity === undefined)
      throw new SchemaError([type], "a list needs a resource of its type that has an identity");
  }
}

/** The bytes of {@link deriveProviderSchema}: the asset that a provider definition hands out. */
export function encodeProviderSchema(provider: Provider): Uint8Array {
  return toBinary(GetProviderSchema_ResponseSchema, deriveProviderSchema(provider));
}

/** The answer of GetResourceIdentitySchemas, as {@link deriveProviderSchema} derives that of GetProviderSchema. */
export function deriveIdentitySchemas(provider: Provider): GetResourceIdentitySchemas_Response {
  const identities = sorted(provider.resources, ({ type }) => type).flatMap((resource) => {
    const { identity } = resource;
    if (identity === undefined) return [];
    return [[resource.type, identitySchemaMessage({ ...resource, identity })] as const];
  });
  return create(GetResourceIdentitySchemas_ResponseSchema, {
    identitySchemas: Object.fromEntries(identities),
  });
}

/** The bytes of {@link deriveIdentitySchemas}. */
export function encodeIdentitySchemas(provider: Provider): Uint8Array {
  return toBinary(GetResourceIdentitySchemas_ResponseSchema, deriveIdentitySchemas(provider));
}

function sorted<T>(list: readonly T[], key: (item: T) => string): T[] {
  const result = list.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  const twice = result.find((item, index) => index > 0 && key(item) === key(result[index - 1]!));
  if (twice !== undefined) throw new Error(`${key(twice)} is defined twice`);
  return result;
}

const typeBytes = (schema: z.ZodType): Uint8Array =>
  new TextEncoder().encode(formatType(deriveType(schema).type));

function parameterMessage(
  parameter: FunctionParameter,
): MessageInitShape<typeof Function_ParameterSchema> {
  return {
    name: parameter.name,
    type: typeBytes(parameter.schema),
    allowNullValue: parameter.allowNull === true,
    allowUnknownValues: false,
    description: parameter.description,
    descriptionKind: StringKind.MARKDOWN,
  };
}

function functionMessage(item: ProviderFunction): MessageInitShape<typeof FunctionSchema> {
  return {
    parameters: item.parameters.map(parameterMessage),
    ...(item.variadic === undefined ? {} : { variadicParameter: parameterMessage(item.variadic) }),
    return: { type: typeBytes(item.returns) },
    summary: item.summary,
    description: item.description,
    descriptionKind: StringKind.MARKDOWN,
  };
}
