/**
 * From zod to the model of a Terraform schema.
 *
 * | zod                                   | Terraform            |
 * |---------------------------------------|----------------------|
 * | plain                                 | required             |
 * | `.optional()`                         | optional             |
 * | `.default(x)`, `.prefault(x)`         | optional, computed   |
 * | `.optional()` and `computed` meta     | optional, computed   |
 * | `computed` meta (perhaps `.nullable()`) | computed           |
 * | inside a computed object              | computed             |
 */

import * as z from "zod";
import { ValueError } from "../value/error.ts";
import type { Path } from "../value/path.ts";
import { bool, dynamic, list, map, number, object, set, string } from "../value/type.ts";
import type { Attribute, LeafNode, Node, ObjectNode } from "./attribute.ts";
import type { AttributeMeta } from "./meta.ts";
import { fromNative } from "./native.ts";
import { SchemaError } from "./schema-error.ts";
import { definition, unwrap } from "./unwrap.ts";

interface Surroundings {
  readonly path: Path;
  readonly insideComputed: boolean;
  readonly insideSet: boolean;
  readonly allowDynamic: boolean;
}

function hasOverwrite(schema: z.core.$ZodType): boolean {
  return (definition(schema).checks ?? []).some(({ _zod }) => _zod.def.check === "overwrite");
}

/** What stands at a place: node and type of the input side of the schema. */
function deriveNode(schema: z.core.$ZodType, around: Surroundings): Node {
  const { path } = around;
  const def = definition(schema);
  const leaf = (kind: LeafNode["kind"], bigint = false): LeafNode => ({
    kind,
    type: { string, number, bool, dynamic }[kind],
    schema: schema as z.ZodType,
    decodes: hasOverwrite(schema),
    bigint,
  });
  switch (def.type) {
    case "string":
    case "template_literal":
    case "enum":
      return leaf("string");
    case "number":
      return leaf("number");
    case "bigint":
      return leaf("number", true);
    case "boolean":
      return leaf("bool");
    case "any":
    case "unknown":
      if (!around.allowDynamic) throw new SchemaError(path, "values of any type are for functions");
      return leaf("dynamic");
    case "literal":
      return leaf(literalKind(def.values, path));
    case "union": {
      const options = def.options.map((option) => deriveNode(unwrap(option, path).schema, around));
      const [first] = options;
      const alike = options.every(({ kind }) => kind === first?.kind);
      if (first === undefined || !alike || !("bigint" in first)) {
        throw new SchemaError(path, "a union must be of strings, of numbers or of bools");
      }
      return { ...leaf(first.kind, first.bigint), decodes: options.some(({ decodes }) => decodes) };
    }
    case "pipe": {
      if (definition(def.in).type === "transform") {
        throw new SchemaError(path, "preprocess hides the type of the input; use a codec");
      }
      const input = deriveNode(unwrap(def.in, path).schema, around);
      if (nestedIn(input)) throw new SchemaError(path, "a codec cannot decode objects");
      return { ...input, schema: schema as z.ZodType, decodes: true };
    }
    case "array":
      return deriveCollection("list", schema, def.element, around);
    case "set":
      return deriveCollection("set", schema, def.valueType, around);
    case "record":
      return deriveCollection("map", schema, def.valueType, around);
    case "object":
      return deriveObject(schema as z.ZodObject, around);
    default:
      throw new SchemaError(path, `Terraform has no type for zod's ${def.type}`);
  }
}

function nestedIn(node: Node): boolean {
  return node.kind === "object" || ("element" in node && nestedIn(node.element));
}

function literalKind(values: readonly unknown[], path: Path): LeafNode["kind"] {
  if (values.every((value) => typeof value === "string")) return "string";
  if (values.every((value) => typeof value === "number")) return "number";
  if (values.every((value) => typeof value === "boolean")) return "bool";
  throw new SchemaError(path, "literals must all be strings, all numbers or all bools");
}

function deriveCollection(
  kind: "list" | "set" | "map",
  schema: z.core.$ZodType,
  elementSchema: z.core.$ZodType,
  around: Surroundings,
): Node {
  const { path } = around;
  const inner = unwrap(elementSchema, path);
  if (inner.optional || inner.default !== undefined) {
    throw new SchemaError(path, "elements are neither optional nor defaulted");
  }
  const element = deriveNode(inner.schema, {
    ...around,
    path: [...path, "*"],
    insideSet: around.insideSet || kind === "set",
  });
  if (element.kind !== "object" && nestedIn(element)) {
    throw new SchemaError(
      path,
      "collections of collections of objects cannot be nested attributes",
    );
  }
  const any = z.any();
  const def = schema._zod.def;
  let key: z.ZodType | undefined;
  let shallow: z.core.$ZodType;
  if (kind === "map") {
    key = (def as z.core.$ZodRecordDef).keyType as z.ZodType;
    if (deriveNode(key, around).kind !== "string")
      throw new SchemaError(path, "keys must be strings");
    shallow = z.core.clone(schema, { ...def, keyType: z.string(), valueType: any } as never);
  } else {
    const member = kind === "set" ? { valueType: any } : { element: any };
    shallow = z.core.clone(schema, { ...def, ...member });
  }
  return {
    kind,
    type: { list, set, map }[kind](element.type),
    element,
    key,
    schema: schema as z.ZodType,
    shallow: shallow as z.ZodType,
    decodes: element.decodes,
  };
}

function deriveObject(schema: z.ZodObject, around: Surroundings): ObjectNode {
  if ((schema._zod.def.checks ?? []).length > 0) {
    throw new SchemaError(
      around.path,
      "an object cannot refine itself; say it as a rule across attributes",
    );
  }
  const attributes = new Map<string, Attribute>();
  const names = Object.keys(schema.shape).toSorted((a, b) => (a < b ? -1 : 1));
  for (const name of names) {
    attributes.set(name, deriveAttribute(name, schema.shape[name], around));
  }
  const types = [...attributes].map(([name, { node }]) => [name, node.type] as const);
  return {
    kind: "object",
    type: object(Object.fromEntries(types)),
    attributes,
    schema,
    decodes: [...attributes.values()].some(({ node }) => node.decodes),
  };
}

function deriveAttribute(name: string, outer: z.core.$ZodType, around: Surroundings): Attribute {
  const path = [...around.path, name];
  const fail = (problem: string): never => {
    throw new SchemaError(path, problem);
  };
  if (!/^[a-z][a-z0-9_]*$/u.test(name))
    fail("names are lower-case letters, digits and underscores");
  const { schema, optional, nullable, default: preset, meta } = unwrap(outer, path);
  const isComputed = around.insideComputed || meta.computed !== undefined;
  const computedOnly = around.insideComputed || (isComputed && !optional);
  const node = deriveNode(schema, { ...around, path, insideComputed: computedOnly });
  const writeOnly = meta.writeOnly === true;

  if (preset !== undefined && isComputed) fail("a default and computed exclude each other");
  if (nullable && !isComputed && !optional)
    fail("only computed attributes are nullable; use .optional()");
  if (isComputed && around.insideSet && !around.insideComputed) {
    fail("an element of a set has no identity to keep a computed value for");
  }
  if (writeOnly && (isComputed || preset !== undefined))
    fail("write-only attributes are never computed");
  if (writeOnly && around.insideSet) fail("no write-only attributes inside a set");
  if (writeOnly && nestedIn(node)) fail("write-only attributes have no nested attributes");

  let presetValue: Attribute["default"];
  if (preset !== undefined) {
    try {
      presetValue = fromNative(node, preset.value);
    } catch (error) {
      if (error instanceof ValueError) fail(`the default does not fit: ${error.message}`);
      throw error;
    }
  }
  const { deprecated } = meta;
  return {
    name,
    node,
    description: meta.description ?? "",
    required: !computedOnly && !optional && preset === undefined,
    optional: !computedOnly && (optional || preset !== undefined),
    computed: isComputed || preset !== undefined,
    decided: isComputed ? (meta.computed ?? "volatile") : undefined,
    default: presetValue,
    nullable,
    sensitive: meta.sensitive === true,
    writeOnly,
    deprecated:
      deprecated === true ? "Deprecated." : deprecated === false ? "" : (deprecated ?? ""),
    update: meta.update ?? definitionMeta(schema).update,
  };
}

/** A nested object's own meta says what its members inherit, where the attribute says nothing. */
function definitionMeta(schema: z.core.$ZodType): AttributeMeta {
  const def = definition(schema);
  const element =
    def.type === "array" ? def.element : def.type === "record" ? def.valueType : undefined;
  return element === undefined
    ? {}
    : ((z.globalRegistry.get(element) as AttributeMeta | undefined) ?? {});
}

const derived = new WeakMap<z.ZodType, ObjectNode>();

/**
 * The model of the schema of a resource, data source, ephemeral resource or provider.
 *
 * @throws SchemaError when Terraform cannot express it.
 */
export function deriveSchema(schema: z.ZodObject): ObjectNode {
  let node = derived.get(schema);
  if (node === undefined) {
    node = deriveObject(schema, {
      path: [],
      insideComputed: false,
      insideSet: false,
      allowDynamic: false,
    });
    derived.set(schema, node);
  }
  return node;
}

const derivedTypes = new WeakMap<z.ZodType, Node>();

/** The model of a function's parameter or result; here `z.any()` and `z.unknown()` are allowed. */
export function deriveType(schema: z.ZodType): Node {
  let node = derivedTypes.get(schema);
  if (node === undefined) {
    const around = { path: [], insideComputed: false, insideSet: false, allowDynamic: true };
    node = deriveNode(unwrap(schema, []).schema, around);
    derivedTypes.set(schema, node);
  }
  return node;
}
