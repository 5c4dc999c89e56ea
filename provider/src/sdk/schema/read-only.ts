/**
 * What a resource's schema is to those who only read its objects: data sources are made of it. Defaults and rules of
 * configurations are gone, and a map of objects is a list of objects with a `name`, in the order of the names.
 */

import * as z from "zod";
import type { AttributeMeta } from "./meta.ts";

interface Unwrapped {
  readonly schema: z.core.$ZodType;
  readonly meta: AttributeMeta;
}

/** Leaves `optional`, `default` and the like behind; the outermost meta wins. */
function unwrap(outer: z.core.$ZodType): Unwrapped {
  let schema = outer;
  let meta: AttributeMeta = {};
  for (;;) {
    meta = { ...(z.globalRegistry.get(schema) as AttributeMeta | undefined), ...meta };
    if (
      schema instanceof z.ZodOptional ||
      schema instanceof z.ZodNullable ||
      schema instanceof z.ZodDefault ||
      schema instanceof z.ZodPrefault ||
      schema instanceof z.ZodNonOptional ||
      schema instanceof z.ZodReadonly
    ) {
      schema = schema.def.innerType;
    } else return { schema, meta };
  }
}

/** The attributes of a schema as computed ones. Write-only attributes, which nobody can read, are left out. */
export function readOnly(shape: z.core.$ZodShape): Record<string, z.ZodType> {
  const attributes = Object.entries(shape).flatMap(([name, outer]) => {
    const { schema, meta } = unwrap(outer);
    if (meta.writeOnly === true) return [];
    const { description = "", sensitive } = meta;
    const inner = inside(schema).nullable();
    const said = { description, computed: "volatile" } as const;
    return [[name, inner.meta(sensitive === true ? { ...said, sensitive } : said)] as const];
  });
  return Object.fromEntries(attributes);
}

function inside(schema: z.core.$ZodType): z.ZodType {
  if (schema instanceof z.ZodObject) return z.object(readOnly(schema.shape));
  if (schema instanceof z.ZodArray) return z.array(inside(unwrap(schema.element).schema));
  if (schema instanceof z.ZodSet) return z.set(inside(unwrap(schema.def.valueType).schema));
  if (schema instanceof z.ZodRecord) {
    const element = unwrap(schema.valueType).schema;
    if (!(element instanceof z.ZodObject)) return z.record(z.string(), inside(element));
    const name = z.string().meta({ description: "Its name: the key in the configuration." });
    return z.array(z.object(readOnly({ name, ...element.shape })));
  }
  return schema as z.ZodType;
}

/** What {@link readOnly} makes of a value: maps of objects become lists. */
export function readOnlyValue(outer: z.core.$ZodType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const { schema } = unwrap(outer);
  if (schema instanceof z.ZodObject) return readOnlyValues(schema.shape, value);
  if (schema instanceof z.ZodArray) {
    return (value as readonly unknown[]).map((item) => readOnlyValue(schema.element, item));
  }
  if (!(schema instanceof z.ZodRecord)) return value;
  const element = unwrap(schema.valueType).schema;
  if (!(element instanceof z.ZodObject)) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => ({ name, ...readOnlyValues(element.shape, item as object) }));
}

function readOnlyValues(shape: z.core.$ZodShape, values: object): Record<string, unknown> {
  const given = values as Readonly<Record<string, unknown>>;
  const readable = Object.entries(shape).filter(([, schema]) => !unwrap(schema).meta.writeOnly);
  return Object.fromEntries(
    readable.map(([name, schema]) => [name, readOnlyValue(schema, given[name])]),
  );
}
