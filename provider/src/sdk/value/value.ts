import type { ExactNumber } from "./number.ts";
import type { Type } from "./type.ts";
import { Unknown } from "./unknown.ts";

/** A value together with its own type, as it stands in a place of type `dynamic`. */
export class Dynamic {
  readonly type: Type;
  readonly value: Value;

  constructor(type: Type, value: Value) {
    this.type = type;
    this.value = value;
  }
}

/** Attributes or map elements. Made without a prototype, so that any key is only a key. */
export interface Members {
  [name: string]: Value;
}

/**
 * A value of Terraform's type system, read together with its `Type`.
 * Lists, sets and tuples are arrays (a set's order means nothing), maps and objects are `Members`;
 * an object has every attribute of its type, null where there is none.
 */
export type Value =
  | null
  | string
  | boolean
  | ExactNumber
  | Unknown
  | Dynamic
  | readonly Value[]
  | Members;

/** Members without a prototype, from entries. */
export function members(entries: Iterable<readonly [string, Value]> = []): Members {
  const result = Object.create(null) as Members;
  for (const [name, value] of entries) result[name] = value;
  return result;
}

/** Whether a value is a map or an object. */
export function isMembers(value: Value | undefined): value is Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** The member of that name, or null; also for null and unknown parents. */
export function member(value: Value | undefined, name: string): Value {
  return isMembers(value) && Object.hasOwn(value, name) ? value[name]! : null;
}

/** Whether a value and everything inside it is decided. */
export function isWhollyKnown(value: Value): boolean {
  if (value instanceof Unknown) return false;
  if (value instanceof Dynamic) return isWhollyKnown(value.value);
  if (Array.isArray(value)) return value.every(isWhollyKnown);
  if (isMembers(value)) return Object.values(value).every(isWhollyKnown);
  return true;
}
