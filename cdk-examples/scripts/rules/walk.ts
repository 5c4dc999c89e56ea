/** A schema seen as one list of places, so that a rule is a condition on a place. */
import type {
  Attribute,
  Block,
  BlockType,
  ProviderSchema,
  Schema,
  TypeExpression,
} from "../schema.ts";

/** What of a provider has a schema of its own. */
export type Kind = "provider" | "resource" | "data source" | "ephemeral resource";

/** A resource, a data source, or the provider itself. */
export interface Owner {
  readonly kind: Kind;
  /** Such as `lodge_vm`. */
  readonly name: string;
  readonly schema: Schema;
}

/** A set of members that become one class or interface. */
export interface Members {
  readonly owner: Owner;
  /** The names that lead here; empty at the top. */
  readonly path: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly blocks: Readonly<Record<string, BlockType>>;
}

/** Everything with a schema. */
export function owners(schema: ProviderSchema): readonly Owner[] {
  const all = (kind: Kind, schemas: Readonly<Record<string, Schema>> = {}) =>
    Object.entries(schemas).map(([name, item]) => ({ kind, name, schema: item }));
  return [
    { kind: "provider", name: "provider", schema: schema.provider },
    ...all("resource", schema.resource_schemas),
    ...all("data source", schema.data_source_schemas),
    ...all("ephemeral resource", schema.ephemeral_resource_schemas),
  ];
}

/** The members of everything with a schema, and of all that is nested in them. */
export function allMembers(schema: ProviderSchema): readonly Members[] {
  return owners(schema).flatMap((owner) => inBlock(owner, [], owner.schema.block));
}

function inBlock(owner: Owner, path: readonly string[], block: Block): Members[] {
  const { attributes = {}, block_types: blocks = {} } = block;
  return [
    { owner, path, attributes, blocks },
    ...inAttributes(owner, path, attributes),
    ...Object.entries(blocks).flatMap(([name, type]) =>
      inBlock(owner, [...path, name], type.block),
    ),
  ];
}

function inAttributes(
  owner: Owner,
  path: readonly string[],
  attributes: Readonly<Record<string, Attribute>>,
): Members[] {
  return Object.entries(attributes).flatMap(([name, { nested_type: nested }]) => {
    if (!nested) return [];
    const below = [...path, name];
    return [
      { owner, path: below, attributes: nested.attributes, blocks: {} },
      ...inAttributes(owner, below, nested.attributes),
    ];
  });
}

/** Where a member is, as people read it: `lodge_vm.disks.size`. */
export const place = ({ owner, path }: Members, name?: string): string =>
  [owner.name, ...path, ...(name === undefined ? [] : [name])].join(".");

/** Whether a user may set it. */
export const isWritable = ({ required, optional }: Attribute): boolean =>
  required === true || optional === true;

/** The kinds of collection and what is in the innermost: `map(list(string))` is `["map", "list"]` of `string`. */
export function nesting(type: TypeExpression): {
  readonly collections: readonly string[];
  readonly element: TypeExpression;
} {
  if (typeof type === "string" || !["list", "set", "map"].includes(type[0] as string))
    return { collections: [], element: type };
  const inner = nesting(type[1] as TypeExpression);
  return { collections: [type[0] as string, ...inner.collections], element: inner.element };
}

/** A type and all that it is made of. */
export function parts(type: TypeExpression): readonly TypeExpression[] {
  if (typeof type === "string") return [type];
  const [kind, content] = type as [string, unknown];
  if (kind === "object")
    return [type, ...Object.values(content as Record<string, TypeExpression>).flatMap(parts)];
  if (kind === "tuple") return [type, ...(content as TypeExpression[]).flatMap(parts)];
  return [type, ...parts(content as TypeExpression)];
}

/** The word that such a type begins with. */
export const head = (type: TypeExpression): string =>
  typeof type === "string" ? type : (type[0] as string);
