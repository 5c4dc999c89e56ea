/** Says in descriptions what the generators leave out, so that it stands in the bindings' doc comments. */
import type { Attribute, Block, ProviderSchema, Schema } from "./schema.ts";

/** The same schema with descriptions that tell of what is deprecated, sensitive and write-only. */
export function annotate(schema: ProviderSchema): ProviderSchema {
  return {
    ...schema,
    provider: inSchema(schema.provider),
    ...(schema.resource_schemas && { resource_schemas: each(schema.resource_schemas, inSchema) }),
    ...(schema.data_source_schemas && {
      data_source_schemas: each(schema.data_source_schemas, inSchema),
    }),
    ...(schema.ephemeral_resource_schemas && {
      ephemeral_resource_schemas: each(schema.ephemeral_resource_schemas, inSchema),
    }),
  };
}

function inSchema(schema: Schema): Schema {
  return { ...schema, block: inBlock(schema.block) };
}

function inBlock(block: Block): Block {
  return {
    ...block,
    ...(block.attributes && { attributes: each(block.attributes, inAttribute) }),
    ...(block.block_types && {
      block_types: each(block.block_types, (type) => ({ ...type, block: inBlock(type.block) })),
    }),
  };
}

function inAttribute(attribute: Attribute): Attribute {
  const { deprecated, deprecation_message: message, description = "", nested_type } = attribute;
  const words = [
    description,
    ...(attribute.sensitive ? ["Sensitive."] : []),
    ...(attribute.write_only ? ["Write-only: it is in no state and cannot be read."] : []),
  ];
  const said = words.filter(Boolean).join(" ");
  return {
    ...attribute,
    description: deprecated ? `${said}\n\n@deprecated ${message ?? "It will go."}` : said,
    ...(nested_type && {
      nested_type: { ...nested_type, attributes: each(nested_type.attributes, inAttribute) },
    }),
  };
}

function each<T>(items: Readonly<Record<string, T>>, map: (item: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(items).map(([key, item]) => [key, map(item)]));
}
