/**
 * The model of a schema that everything in the SDK works on: types, zod schemas and Terraform's
 * flags side by side. Made from zod by `derive.ts`.
 */

import type { z } from "zod";
import type { Type } from "../value/type.ts";
import type { Value } from "../value/value.ts";

interface NodeBase {
  readonly type: Type;
  /** Validates one present value of the author's side; without `optional` and `default`. */
  readonly schema: z.ZodType;
  /** Whether different values may decode to the same thing, as "4GiB" and "4096MiB" do. */
  readonly decodes: boolean;
}

/** A value without parts. */
export interface LeafNode extends NodeBase {
  readonly kind: "string" | "number" | "bool" | "dynamic";
  /** Numbers are `bigint` on the author's side. */
  readonly bigint: boolean;
}

/** A collection. */
export interface CollectionNode extends NodeBase {
  readonly kind: "list" | "set" | "map";
  readonly element: Node;
  /** Validates the collection itself, whatever its elements are. */
  readonly shallow: z.ZodType;
  /** Validates the keys of a map. */
  readonly key: z.ZodType | undefined;
}

/** An object, also that of a whole resource. */
export interface ObjectNode extends NodeBase {
  readonly kind: "object";
  /** By name, sorted. */
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** What stands at some place in a schema. */
export type Node = LeafNode | CollectionNode | ObjectNode;

/** A named place in an object. */
export interface Attribute {
  readonly name: string;
  readonly node: Node;
  readonly description: string;
  readonly required: boolean;
  readonly optional: boolean;
  /** The provider may set it where the configuration does not. True for defaults. */
  readonly computed: boolean;
  /** Computed without a default: decided at apply, and perhaps again at each update. */
  readonly decided: "stable" | "volatile" | undefined;
  /** What an absent configuration stands for. */
  readonly default: Value | undefined;
  /** A computed value may end up null. */
  readonly nullable: boolean;
  readonly sensitive: boolean;
  readonly writeOnly: boolean;
  /** Empty where the attribute is not deprecated. */
  readonly deprecated: string;
  /** As the author said it; undefined inherits from the parent. */
  readonly update: "live" | "restart" | "replace" | undefined;
}

/** The object whose attributes Terraform shows one by one: the node itself or a collection's element. */
export function nestedObject(node: Node): ObjectNode | undefined {
  if (node.kind === "object") return node;
  const isCollection = node.kind === "list" || node.kind === "set" || node.kind === "map";
  return isCollection && node.element.kind === "object" ? node.element : undefined;
}
