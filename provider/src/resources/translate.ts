/** Between what Terraform holds and what agents hold: the same names, null for what is absent, text for sizes. */
import { asWritten } from "@lodge/schemas/convert.ts";
import type { Item } from "@lodge/schemas/kind-client.ts";
import { changes, type SpecChange } from "@lodge/schemas/spec/changes.ts";
import { kinds, type KindName, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { isUnknown } from "../sdk/value/unknown.ts";

type Values = Readonly<Record<string, unknown>>;

/** The spec of a planned object. Its parts were validated, so a refusal is a fault of ours. */
export function specOf<K extends KindName>(kind: K, plan: Values): SpecOf<K> {
  return kinds[kind].spec.parse(wishOf(kind, plan)) as SpecOf<K>;
}

/** What a plan changes of an object's spec, with the class of each change. What is not known yet may be a change. */
export function plannedChanges(
  kind: KindName,
  prior: Values,
  planned: Values,
): readonly SpecChange[] {
  return changes(kinds[kind].spec, wishOf(kind, prior), wishOf(kind, planned));
}

/** The attributes that are a kind's spec. */
function wishOf(kind: KindName, plan: Values): Values {
  const names = Object.keys(kinds[kind].spec.shape);
  return Object.fromEntries(names.map((name) => [name, withoutNulls(plan[name])]));
}

/** Stands for what is not known yet: like nothing else, and no spec. */
const later = Symbol("known after apply");

/** Whether two sets of attributes say the same wish. One that cannot be read, as from a newer agent, is another. */
export function sameSpec(kind: KindName, one: Values, other: Values): boolean {
  try {
    return isDeepStrictEqual(specOf(kind, one), specOf(kind, other));
  } catch {
    return false;
  }
}

/** Terraform says null where a spec leaves a member out. */
function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (isUnknown(value)) return later;
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === undefined) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, withoutNulls(member)]),
  );
}

/** The attributes of a schema that an object itself tells: its wish as written and its facts, absent ones as null. */
export function attributesOf<K extends KindName>(
  kind: K,
  schema: z.ZodObject,
  item: Item<K>,
): Values {
  const { spec, status } = kinds[kind];
  const facts = Object.fromEntries(
    Object.entries(item.status).filter(([name]) => name in status.shape),
  );
  const told: Values = { ...facts, ...(asWritten(spec, item.spec) as Values), id: item.id };
  const known = Object.keys(schema.shape).filter(
    (name) => name === "id" || name in spec.shape || name in status.shape,
  );
  return Object.fromEntries(known.map((name) => [name, withNulls(schema.shape[name], told[name])]));
}

/** Every member of every object present, null where nothing is said. */
function withNulls(schema: z.core.$ZodType, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable
  ) {
    return withNulls(schema.def.innerType, value);
  }
  if (schema instanceof z.ZodArray)
    return (value as unknown[]).map((item) => withNulls(schema.def.element, item));
  if (schema instanceof z.ZodRecord) {
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      withNulls(schema.def.valueType, item),
    ]);
    return Object.fromEntries(entries);
  }
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.core.$ZodType> = schema.def.shape;
    const members = Object.keys(shape).map((name) => [
      name,
      withNulls(shape[name]!, (value as Values)[name]),
    ]);
    return Object.fromEntries(members);
  }
  return value;
}
