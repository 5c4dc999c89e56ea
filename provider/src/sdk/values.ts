/** The JavaScript types in which an author's handlers see configuration, plan and state. */

import type { z } from "zod";
import type { Unknown } from "./value/unknown.ts";

/**
 * What a user wrote, with null for what is absent: zod's input type, every key present.
 * Sizes and durations are the user's text, sets are `Set`, numbers beyond 2^53 need `z.bigint()`.
 */
export type Known<T> = T extends undefined
  ? null
  : T extends string | number | bigint | boolean | null
    ? T
    : T extends ReadonlySet<infer Element>
      ? Set<Known<Element>>
      : T extends readonly (infer Element)[]
        ? Known<Element>[]
        : T extends object
          ? { [Key in keyof T]-?: Known<T[Key]> }
          : T;

/** As {@link Known}, with defaults filled in: not null where zod's output is never undefined. */
export type Filled<Input, Output> =
  | (undefined extends Output ? null : never)
  | FilledPresent<Exclude<Input, undefined>, Exclude<Output, undefined>>;

type FilledPresent<Input, Output> = Input extends string | number | bigint | boolean | null
  ? Input
  : Input extends ReadonlySet<infer Element>
    ? Set<Known<Element>>
    : Input extends readonly (infer Element)[]
      ? (Output extends readonly (infer Decoded)[] ? Filled<Element, Decoded> : Known<Element>)[]
      : Input extends object
        ? {
            [Key in keyof Input]-?: Key extends keyof Output
              ? Filled<Input[Key], Output[Key]>
              : Known<Input[Key]>;
          }
        : Input;

/** As {@link Known}, but any part may be decided only at apply. */
export type MaybeUnknown<T> =
  | Unknown
  | (T extends undefined
      ? null
      : T extends string | number | bigint | boolean | null
        ? T
        : T extends ReadonlySet<infer Element>
          ? Set<MaybeUnknown<Element>>
          : T extends readonly (infer Element)[]
            ? MaybeUnknown<Element>[]
            : T extends object
              ? { [Key in keyof T]-?: MaybeUnknown<T[Key]> }
              : T);

/**
 * A plan or a state. Attributes that only the provider computes are null as long as nobody has
 * computed them (in the plan of a create, after an import), whatever their type.
 */
export type Values<Schema extends z.ZodObject> = {
  [Key in keyof z.input<Schema>]-?: Key extends keyof z.output<Schema>
    ? Filled<z.input<Schema>[Key], z.output<Schema>[Key]>
    : Known<z.input<Schema>[Key]>;
};

/** A configuration. Attributes that only the provider computes are always null. */
export type ConfigValues<Schema extends z.ZodObject> = {
  [Key in keyof z.input<Schema>]-?: Known<z.input<Schema>[Key]>;
};

/** The attributes of a schema, any of them perhaps unknown. Test with `isUnknown`. */
export type PlannedValues<Schema extends z.ZodObject> = {
  [Key in keyof z.input<Schema>]-?: MaybeUnknown<z.input<Schema>[Key]>;
};

/** Some attributes of a schema; where each handler says what a left-out one means. */
export type PartialValues<Schema extends z.ZodObject> = {
  [Key in keyof z.input<Schema>]?: Known<z.input<Schema>[Key]>;
};

/** JSON that the provider keeps beside a state; the user never sees it. A few KiB at most. */
export type PrivateData = { readonly [name: string]: JsonValue };

/** What JSON can say. */
export type JsonValue =
  | null
  | string
  | number
  | boolean
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };
