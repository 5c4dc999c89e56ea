/** What differs between two wishes, and when each difference takes effect: read from the meta of the fields. */
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Update } from "./meta.ts";

/** A field, or a whole entry of a map, that two wishes have differently. */
export interface SpecChange {
  /** Names of fields and keys of maps, from the root of the spec. */
  readonly path: readonly string[];
  readonly update: Update;
}

/**
 * The differences between two specs of one schema, in the order of its fields. A member without a class of its own
 * has its parent's; an entry that a map gains or loses is one change, of the map's class.
 */
export function changes(schema: z.core.$ZodType, from: unknown, to: unknown): SpecChange[] {
  return compare(schema, from, to, [], updateOf(schema) ?? "live");
}

function compare(
  schema: z.core.$ZodType,
  from: unknown,
  to: unknown,
  path: readonly string[],
  inherited: Update,
): SpecChange[] {
  const update = updateOf(schema) ?? inherited;
  const inner = unwrap(schema);
  if (isPlain(from) && isPlain(to)) {
    if (inner instanceof z.ZodObject) {
      const shape: Record<string, z.core.$ZodType> = inner.def.shape;
      return Object.entries(shape).flatMap(([name, member]) =>
        compare(member, from[name], to[name], [...path, name], update),
      );
    }
    if (inner instanceof z.ZodRecord) return compareMaps(inner, from, to, path, update);
  }
  return isDeepStrictEqual(from, to) ? [] : [{ path, update }];
}

function compareMaps(
  schema: z.ZodRecord,
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
  path: readonly string[],
  update: Update,
): SpecChange[] {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].toSorted();
  return keys.flatMap((key) =>
    Object.hasOwn(from, key) && Object.hasOwn(to, key)
      ? compare(schema.def.valueType, from[key], to[key], [...path, key], update)
      : [{ path: [...path, key], update }],
  );
}

/** The class that a field, or the type inside its wrappers, names. */
function updateOf(schema: z.core.$ZodType): Update | undefined {
  const own = z.globalRegistry.get(schema)?.update;
  if (own !== undefined) return own;
  const inner = innerOf(schema);
  return inner && updateOf(inner);
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = innerOf(schema);
  return inner ? unwrap(inner) : schema;
}

function innerOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const wrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable;
  return wrapped ? schema.def.innerType : undefined;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
