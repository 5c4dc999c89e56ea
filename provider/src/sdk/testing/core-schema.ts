/**
 * How Terraform's core reads a provider's schema. The simulator works from the messages alone, so
 * that it checks the SDK's own model instead of sharing its mistakes.
 */

import type {
  ResourceIdentitySchema,
  Schema,
  Schema_Attribute,
  Schema_Object,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { Schema_Object_NestingMode } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { Type } from "../value/type.ts";
import { list, map, object, parseType, set } from "../value/type.ts";

/** What core knows of an attribute. */
export interface CoreAttribute {
  readonly name: string;
  readonly type: Type;
  readonly nested: CoreNested | undefined;
  readonly required: boolean;
  readonly optional: boolean;
  readonly computed: boolean;
  readonly sensitive: boolean;
  readonly writeOnly: boolean;
}

/** An attribute whose value consists of objects that core looks into. */
export interface CoreNested {
  readonly nesting: "single" | "list" | "set" | "map";
  readonly attributes: readonly CoreAttribute[];
  /** The type of one object. */
  readonly objectType: Type;
}

/** What core knows of a resource type. */
export interface CoreSchema {
  readonly version: number;
  readonly attributes: readonly CoreAttribute[];
  readonly type: Type;
  /** What tells objects apart; undefined where the type says nothing of it. */
  readonly identity: CoreIdentity | undefined;
}

/** What core knows of the identities of a resource type. */
export interface CoreIdentity {
  readonly version: number;
  readonly type: Type;
  /** The attributes that an import must give. */
  readonly required: readonly string[];
}

const NESTING = {
  [Schema_Object_NestingMode.SINGLE]: "single",
  [Schema_Object_NestingMode.LIST]: "list",
  [Schema_Object_NestingMode.SET]: "set",
  [Schema_Object_NestingMode.MAP]: "map",
} as const;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a schema as core does when it loads a provider.
 *
 * @throws Error for whatever core would refuse
 */
export function readSchema(
  schema: Schema | undefined,
  name: string,
  identity?: ResourceIdentitySchema,
): CoreSchema {
  const block = schema?.block;
  if (schema === undefined || block === undefined)
    throw new Error(`${name}: a schema needs a block`);
  if (block.blockTypes.length > 0) throw new Error(`${name}: nested blocks are not simulated`);
  const attributes = block.attributes.map((attribute) => readAttribute(attribute, name, false));
  return {
    version: Number(schema.version),
    attributes,
    type: objectType(attributes),
    identity: identity === undefined ? undefined : readIdentitySchema(identity, name),
  };
}

function readIdentitySchema(
  { version, identityAttributes }: ResourceIdentitySchema,
  name: string,
): CoreIdentity {
  const types = identityAttributes.map((attribute) => {
    if (attribute.requiredForImport === attribute.optionalForImport)
      throw new Error(`${name}.${attribute.name}: must be required or optional for import`);
    return [attribute.name, parseType(utf8.decode(attribute.type))] as const;
  });
  const needed = identityAttributes.filter(({ requiredForImport }) => requiredForImport);
  return {
    version: Number(version),
    type: object(Object.fromEntries(types)),
    required: needed.map((attribute) => attribute.name),
  };
}

function objectType(attributes: readonly CoreAttribute[]): Type {
  return object(Object.fromEntries(attributes.map(({ name, type }) => [name, type])));
}

function readAttribute(
  message: Schema_Attribute,
  parent: string,
  insideSet: boolean,
): CoreAttribute {
  const { name, required, optional, computed, sensitive, writeOnly, nestedType } = message;
  const at = `${parent}.${name}`;
  const refuse = (problem: string): never => {
    throw new Error(`${at}: ${problem}`);
  };
  if (!/^[a-z0-9_]+$/u.test(name)) refuse("the name is not valid");
  if (!required && !optional && !computed) refuse("must be required, optional or computed");
  if (required && (optional || computed)) refuse("required excludes optional and computed");
  if (writeOnly && (computed || insideSet)) refuse("write-only here is not allowed");
  if (message.type.length > 0 === (nestedType !== undefined))
    refuse("needs either a type or nested attributes");
  const nested = nestedType === undefined ? undefined : readNested(nestedType, at, insideSet);
  if (nested !== undefined && writeOnly) refuse("write-only nested attributes are not simulated");
  const type =
    nested === undefined ? parseType(utf8.decode(message.type)) : nestedValueType(nested);
  if (insideSet && JSON.stringify(type).includes("dynamic")) refuse("no dynamic type inside a set");
  return { name, type, nested, required, optional, computed, sensitive, writeOnly };
}

function readNested(message: Schema_Object, at: string, insideSet: boolean): CoreNested {
  const nesting = NESTING[message.nesting as keyof typeof NESTING];
  if (nesting === undefined) throw new Error(`${at}: the nesting mode is not valid`);
  const attributes = message.attributes.map((attribute) =>
    readAttribute(attribute, at, insideSet || nesting === "set"),
  );
  return { nesting, attributes, objectType: objectType(attributes) };
}

function nestedValueType({ nesting, objectType }: CoreNested): Type {
  if (nesting === "single") return objectType;
  return { list, set, map }[nesting](objectType);
}
