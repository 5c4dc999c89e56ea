/** The schema as Terraform gets it. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Schema_AttributeSchema,
  Schema_ObjectSchema,
  SchemaSchema,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import {
  Schema_Object_NestingMode,
  StringKind,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { formatType } from "../value/type.ts";
import type { Attribute, Node, ObjectNode } from "./attribute.ts";
import { nestedObject } from "./attribute.ts";

const NESTING: Readonly<Record<string, Schema_Object_NestingMode>> = {
  object: Schema_Object_NestingMode.SINGLE,
  list: Schema_Object_NestingMode.LIST,
  set: Schema_Object_NestingMode.SET,
  map: Schema_Object_NestingMode.MAP,
};

/** What surrounds the attributes of a schema. */
export interface BlockOptions {
  readonly version?: number;
  readonly description: string;
  /** Absent where it is not deprecated. */
  readonly deprecated?: string | undefined;
}

/** The message for a whole schema. Everything is an attribute: there are no nested blocks. */
export function schemaMessage(
  node: ObjectNode,
  options: BlockOptions,
): MessageInitShape<typeof SchemaSchema> {
  const { version = 0, description, deprecated = "" } = options;
  return {
    version: BigInt(version),
    block: {
      version: BigInt(version),
      attributes: [...node.attributes.values()].map(attributeMessage),
      description,
      descriptionKind: StringKind.MARKDOWN,
      deprecated: deprecated !== "",
      deprecationMessage: deprecated,
    },
  };
}

function attributeMessage(attribute: Attribute): MessageInitShape<typeof Schema_AttributeSchema> {
  const {
    name,
    node,
    description,
    required,
    optional,
    computed,
    sensitive,
    writeOnly,
    deprecated,
  } = attribute;
  const nestedType = nestedMessage(node);
  return {
    name,
    ...(nestedType === undefined
      ? { type: new TextEncoder().encode(formatType(node.type)) }
      : { nestedType }),
    description,
    descriptionKind: StringKind.MARKDOWN,
    required,
    optional,
    computed,
    sensitive,
    writeOnly,
    deprecated: deprecated !== "",
    deprecationMessage: deprecated,
  };
}

function nestedMessage(node: Node): MessageInitShape<typeof Schema_ObjectSchema> | undefined {
  const nested = nestedObject(node);
  if (nested === undefined) return undefined;
  return {
    attributes: [...nested.attributes.values()].map(attributeMessage),
    nesting: NESTING[node.kind]!,
  };
}
