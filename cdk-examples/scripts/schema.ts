/** The provider's schema as `terraform providers schema -json` says it, without Terraform: from what the provider answers. */
import { fromBinary } from "@bufbuild/protobuf";
import { providerSchema } from "@lodge/provider/gen/provider-schema.ts";
import {
  GetProviderSchema_ResponseSchema,
  Schema_NestedBlock_NestingMode as BlockNesting,
  Schema_Object_NestingMode as ObjectNesting,
  StringKind,
  type Function as FunctionMessage,
  type Function_Parameter,
  type GetProviderSchema_Response,
  type Schema as SchemaMessage,
  type Schema_Attribute,
  type Schema_Block,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";

/** The provider's address in the registry. */
export const address = "registry.terraform.io/lodge/lodge";

/** A type as Terraform writes it in JSON: `"string"`, `["list", "string"]`, `["object", {…}]`. */
export type TypeExpression = string | readonly unknown[];

/** An attribute: of a type, or of objects with attributes of their own. */
export interface Attribute {
  readonly type?: TypeExpression;
  readonly nested_type?: {
    readonly attributes: Readonly<Record<string, Attribute>>;
    readonly nesting_mode: string;
  };
  readonly description?: string;
  readonly description_kind: string;
  readonly deprecated?: true;
  readonly deprecation_message?: string;
  readonly required?: true;
  readonly optional?: true;
  readonly computed?: true;
  readonly sensitive?: true;
  readonly write_only?: true;
}

/** The body of a schema, or of a nested block. */
export interface Block {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly block_types?: Readonly<Record<string, BlockType>>;
  readonly description?: string;
  readonly description_kind: string;
  readonly deprecated?: true;
}

/** A nested block. */
export interface BlockType {
  readonly nesting_mode: string;
  readonly block: Block;
  readonly min_items?: number;
  readonly max_items?: number;
}

/** The schema of the provider, of a resource or of a data source. */
export interface Schema {
  readonly version: number;
  readonly block: Block;
}

interface Parameter {
  readonly name: string;
  readonly description?: string;
  readonly is_nullable?: true;
  readonly type: TypeExpression;
}

/** The signature of a provider function. */
export interface FunctionSignature {
  readonly summary?: string;
  readonly description?: string;
  readonly return_type: TypeExpression;
  readonly parameters?: readonly Parameter[];
  readonly variadic_parameter?: Parameter;
}

/** Everything of one provider that bindings can be made of. */
export interface ProviderSchema {
  readonly provider: Schema;
  readonly resource_schemas?: Readonly<Record<string, Schema>>;
  readonly data_source_schemas?: Readonly<Record<string, Schema>>;
  readonly ephemeral_resource_schemas?: Readonly<Record<string, Schema>>;
  readonly functions?: Readonly<Record<string, FunctionSignature>>;
}

/** The document as Terraform prints it, its keys sorted. */
export interface SchemaDocument {
  readonly format_version: "1.0";
  readonly provider_schemas: Readonly<Record<string, ProviderSchema>>;
}

/** The schema of this provider. */
export function readProviderSchema(): ProviderSchema {
  return toProviderSchema(fromBinary(GetProviderSchema_ResponseSchema, providerSchema));
}

/** The same as a document. */
export function schemaDocument(schema: ProviderSchema = readProviderSchema()): SchemaDocument {
  return { format_version: "1.0", provider_schemas: { [address]: schema } };
}

function toProviderSchema(response: GetProviderSchema_Response): ProviderSchema {
  if (!response.provider) throw new Error("the provider has no schema of its own");
  return {
    provider: toSchema(response.provider),
    ...some("resource_schemas", record(response.resourceSchemas, toSchema)),
    ...some("data_source_schemas", record(response.dataSourceSchemas, toSchema)),
    ...some("ephemeral_resource_schemas", record(response.ephemeralResourceSchemas, toSchema)),
    ...some("functions", record(response.functions, toSignature)),
  };
}

function toSchema({ version, block }: SchemaMessage): Schema {
  if (!block) throw new Error("a schema has no block");
  return { version: Number(version), block: toBlock(block) };
}

function toBlock(block: Schema_Block): Block {
  const attributes = Object.fromEntries(block.attributes.map((item) => [item.name, item]));
  const blocks = Object.fromEntries(block.blockTypes.map((item) => [item.typeName, item]));
  return {
    ...some("attributes", record(attributes, toAttribute)),
    ...some(
      "block_types",
      record(blocks, ({ nesting, block: inner, minItems, maxItems }) => {
        if (!inner) throw new Error("a nested block has no block");
        return {
          nesting_mode: word(BlockNesting, nesting),
          block: toBlock(inner),
          ...(minItems > 0n && { min_items: Number(minItems) }),
          ...(maxItems > 0n && { max_items: Number(maxItems) }),
        };
      }),
    ),
    ...described(block),
    ...(block.deprecated && { deprecated: true }),
  };
}

function toAttribute(attribute: Schema_Attribute): Attribute {
  const { nestedType, deprecationMessage } = attribute;
  const nested = Object.fromEntries(
    (nestedType?.attributes ?? []).map((item) => [item.name, item]),
  );
  return {
    ...(nestedType
      ? {
          nested_type: {
            attributes: record(nested, toAttribute),
            nesting_mode: word(ObjectNesting, nestedType.nesting),
          },
        }
      : { type: toType(attribute.type) }),
    ...described(attribute),
    ...(attribute.deprecated && { deprecated: true }),
    ...(deprecationMessage && { deprecation_message: deprecationMessage }),
    ...(attribute.required && { required: true }),
    ...(attribute.optional && { optional: true }),
    ...(attribute.computed && { computed: true }),
    ...(attribute.sensitive && { sensitive: true }),
    ...(attribute.writeOnly && { write_only: true }),
  };
}

function toSignature(item: FunctionMessage): FunctionSignature {
  return {
    ...(item.description && { description: item.description }),
    ...(item.summary && { summary: item.summary }),
    return_type: toType(item.return!.type),
    ...(item.parameters.length > 0 && { parameters: item.parameters.map(toParameter) }),
    ...(item.variadicParameter && { variadic_parameter: toParameter(item.variadicParameter) }),
  };
}

function toParameter({ name, description, allowNullValue, type }: Function_Parameter): Parameter {
  return {
    name,
    ...(description && { description }),
    ...(allowNullValue && { is_nullable: true }),
    type: toType(type),
  };
}

const toType = (bytes: Uint8Array): TypeExpression =>
  JSON.parse(new TextDecoder().decode(bytes)) as TypeExpression;

/** The name of an enumeration's value, as JSON has it. */
function word(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names)
    .find((name) => names[name] === value)!
    .toLowerCase();
}

function described(item: Pick<Schema_Block, "description" | "descriptionKind">) {
  return {
    ...(item.description && { description: item.description }),
    description_kind: word(StringKind, item.descriptionKind),
  };
}

/** Maps the values, and sorts the keys: the bindings' order, and with it some of their names, follows it. */
function record<From, To>(
  items: Readonly<Record<string, From>>,
  map: (item: From) => To,
): Record<string, To> {
  const keys = Object.keys(items).toSorted();
  return Object.fromEntries(keys.map((key) => [key, map(items[key]!)]));
}

/** Terraform leaves out what is empty. */
function some<K extends string, V extends object>(key: K, items: V): { [key in K]?: V } {
  return Object.keys(items).length > 0 ? ({ [key]: items } as { [key in K]?: V }) : {};
}
