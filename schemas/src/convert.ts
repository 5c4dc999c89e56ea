/**
 * Carries a spec or a status to its message and back. What goes where is said by the message's descriptor
 * alone: field names are the same on both sides, enums are lower-case words, sizes are uint64 bytes, durations
 * and times are Google's messages on the wire and milliseconds inside.
 */
import {
  ScalarType,
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type Message,
} from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import {
  DurationSchema,
  FeatureSet_FieldPresence,
  TimestampSchema,
  durationFromMs,
  durationMs,
  timestampFromMs,
  timestampMs,
  type Duration,
  type Timestamp,
} from "@bufbuild/protobuf/wkt";
import * as z from "zod";
import type { Kind } from "./spec/kind.ts";
import { violations, type Violation } from "./spec/rule.ts";

type Plain = Record<string, unknown>;

/** The message of a plain object with the descriptor's field names; null and undefined fields are left out. */
export function toMessage(descriptor: DescMessage, value: object): Message {
  const message = reflect(descriptor, create(descriptor));
  for (const field of descriptor.fields) {
    const member = (value as Plain)[field.name];
    if (member === undefined || member === null) continue;
    setField(message, field, member);
  }
  return message.message;
}

function setField(message: ReflectMessage, field: DescField, value: unknown): void {
  switch (field.fieldKind) {
    case "list": {
      const list = message.get(field);
      for (const item of value as unknown[]) list.add(wireOf(field, item));
      return;
    }
    case "map": {
      const map = message.get(field);
      for (const [key, item] of Object.entries(value as Plain)) map.set(key, wireOf(field, item));
      return;
    }
    default:
      message.set(field, wireOf(field, value));
  }
}

function wireOf(field: DescField, value: unknown): unknown {
  if (field.message) return messageOf(field.message, value);
  if (field.enum) return enumNumber(field.enum, value as string);
  return typeof value === "number" && isLong(field) ? BigInt(value) : value;
}

function messageOf(descriptor: DescMessage, value: unknown): ReflectMessage {
  if (descriptor.typeName === DurationSchema.typeName) {
    return reflect(DurationSchema, durationFromMs(value as number));
  }
  if (descriptor.typeName === TimestampSchema.typeName) {
    return reflect(TimestampSchema, timestampFromMs(value as number));
  }
  return reflect(descriptor, toMessage(descriptor, value as object));
}

/**
 * The plain object of a message. Absent optional fields are left out; an enum value that this version does not
 * know becomes the word `unknown_` with its number.
 */
export function fromMessage(descriptor: DescMessage, message: Message): Plain {
  const view = reflect(descriptor, message);
  const value: Plain = {};
  for (const field of descriptor.fields) {
    if (field.fieldKind === "list")
      value[field.name] = [...view.get(field)].map((item) => plainOf(field, item));
    else if (field.fieldKind === "map") {
      value[field.name] = Object.fromEntries(
        [...view.get(field)].map(([key, item]) => [key, plainOf(field, item)]),
      );
    } else if (view.isSet(field) || field.presence === FeatureSet_FieldPresence.IMPLICIT)
      value[field.name] = plainOf(field, view.get(field));
  }
  return value;
}

function plainOf(field: DescField, value: unknown): unknown {
  if (field.message) return plainMessage(field.message, (value as ReflectMessage).message);
  if (field.enum) return enumWord(field.enum, value as number);
  return typeof value === "bigint" ? safeNumber(value) : value;
}

function plainMessage(descriptor: DescMessage, message: Message): unknown {
  if (descriptor.typeName === DurationSchema.typeName) return durationMs(message as Duration);
  if (descriptor.typeName === TimestampSchema.typeName) return timestampMs(message as Timestamp);
  return fromMessage(descriptor, message);
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new RangeError(`${value} is beyond the exact integers (2^53)`);
  return number;
}

function isLong(field: DescField): boolean {
  return field.scalar !== undefined && LONG.has(field.scalar);
}

/** The 64-bit scalars of protobuf: int64, uint64, fixed64, sfixed64, sint64. */
const LONG: ReadonlySet<number> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
  ScalarType.SINT64,
]);

function enumNumber(descriptor: DescEnum, word: string): number {
  const name = descriptor.sharedPrefix + word;
  const value = descriptor.values.find((candidate) => candidate.name.toLowerCase() === name);
  if (!value) throw new TypeError(`${word} is no value of ${descriptor.typeName}`);
  return value.number;
}

function enumWord(descriptor: DescEnum, number: number): string {
  const value = descriptor.value[number];
  if (!value || !descriptor.sharedPrefix) return `unknown_${number}`;
  return value.name.toLowerCase().slice(descriptor.sharedPrefix.length);
}

/** A spec read from a message: the wish, or why it cannot be accepted. */
export type ParsedSpec<Spec> =
  | { readonly spec: Spec; readonly violations?: undefined }
  | { readonly spec?: undefined; readonly violations: readonly Violation[] };

/**
 * Reads a spec from its message: defaults filled in, limits and cross-field rules checked. A field that this
 * version does not know is a violation, since a wish that is not understood must not be ignored.
 */
export function specFromMessage<Spec extends z.ZodObject>(
  kind: Kind<string, Spec, z.ZodObject>,
  message: Message,
): ParsedSpec<z.output<Spec>> {
  const strangers = unknownFields(kind.specMessage, message, []);
  if (strangers.length > 0) return { violations: strangers };
  const plain = asWritten(kind.spec, fromMessage(kind.specMessage, message));
  const parsed = kind.spec.safeParse(plain);
  if (!parsed.success) {
    return {
      violations: parsed.error.issues.map(({ path, message }) => ({
        path: path.map(String),
        message,
      })),
    };
  }
  const broken = violations(kind.rules, parsed.data);
  return broken.length > 0 ? { violations: broken } : { spec: parsed.data };
}

function unknownFields(
  descriptor: DescMessage,
  message: Message,
  path: readonly string[],
): Violation[] {
  const own = (message.$unknown ?? []).map(({ no }) => ({
    path,
    message: `field ${no} of ${descriptor.typeName} is not known to this agent; upgrade it, or leave out what is newer than it`,
  }));
  const view = reflect(descriptor, message);
  return descriptor.fields.reduce((found, field) => {
    const nested = field.message;
    if (!nested || !view.isSet(field)) return found;
    const inner = (value: unknown, ...key: string[]): Violation[] =>
      unknownFields(nested, (value as ReflectMessage).message, [...path, field.name, ...key]);
    if (field.fieldKind === "map") {
      return [
        ...found,
        ...[...view.get(field)].flatMap(([key, value]) => inner(value, String(key))),
      ];
    }
    if (field.fieldKind === "list") {
      return [
        ...found,
        ...[...view.get(field)].flatMap((value, index) => inner(value, String(index))),
      ];
    }
    return [...found, ...inner(view.get(field))];
  }, own);
}

/** The value in the form that users write: sizes and durations, which are numbers inside, as text. */
export function asWritten(schema: z.core.$ZodType, value: unknown): unknown {
  if (value === undefined || value === null) return value;
  if (schema instanceof z.ZodCodec) return writtenNumber(schema, value);
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable
  ) {
    return asWritten(schema.def.innerType, value);
  }
  if (schema instanceof z.ZodArray)
    return (value as unknown[]).map((item) => asWritten(schema.def.element, item));
  if (schema instanceof z.ZodRecord)
    return mapValues(value, (item) => asWritten(schema.def.valueType, item));
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.core.$ZodType> = schema.def.shape;
    return mapValues(value, (item, key) => (shape[key] ? asWritten(shape[key], item) : item));
  }
  return value;
}

/** Out of its limits a number is written all the same, so that the refusal comes from reading it, with its path. */
function writtenNumber(schema: z.ZodCodec, value: unknown): unknown {
  return schema.def.reverseTransform(value, { value, issues: [] });
}

function mapValues(value: unknown, change: (item: unknown, key: string) => unknown): Plain {
  return Object.fromEntries(
    Object.entries(value as Plain).map(([key, item]) => [key, change(item, key)]),
  );
}
