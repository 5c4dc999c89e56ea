import { fromBinary } from "@bufbuild/protobuf";
import type {
  GetProviderSchema_Response,
  GetResourceIdentitySchemas_Response,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import {
  GetProviderSchema_ResponseSchema,
  GetResourceIdentitySchemas_ResponseSchema,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { ProviderDefinition } from "../provider.ts";
import type { Response } from "./types.ts";

/** All schemas, from the asset that was generated at build time: nothing else is loaded. */
export async function getProviderSchema(
  definition: ProviderDefinition,
): Promise<GetProviderSchema_Response> {
  return fromBinary(GetProviderSchema_ResponseSchema, await definition.schemaAsset());
}

/** The identity schemas, which newer versions of Terraform ask for right after the schemas. */
export async function getResourceIdentitySchemas(
  definition: ProviderDefinition,
): Promise<GetResourceIdentitySchemas_Response> {
  return fromBinary(GetResourceIdentitySchemas_ResponseSchema, await definition.identityAsset());
}

/** The names of everything, for servers that combine providers. */
export async function getMetadata(
  definition: ProviderDefinition,
): Promise<Response<"getMetadata">> {
  const schema = await getProviderSchema(definition);
  const types = (schemas: object) => Object.keys(schemas).map((typeName) => ({ typeName }));
  return {
    ...(schema.serverCapabilities === undefined
      ? {}
      : { serverCapabilities: schema.serverCapabilities }),
    resources: types(schema.resourceSchemas),
    dataSources: types(schema.dataSourceSchemas),
    ephemeralResources: types(schema.ephemeralResourceSchemas),
    listResources: types(schema.listResourceSchemas),
    actions: types(schema.actionSchemas),
    functions: Object.keys(schema.functions).map((name) => ({ name })),
  };
}

/** The functions alone, which OpenTofu asks for. */
export async function getFunctions(
  definition: ProviderDefinition,
): Promise<Response<"getFunctions">> {
  const { functions } = await getProviderSchema(definition);
  return { functions };
}
