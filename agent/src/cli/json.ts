import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { fromMessage } from "@lodge/schemas/convert.ts";
import { formatDuration } from "@lodge/schemas/spec/duration.ts";

type Plain = Record<string, unknown>;

/**
 * An object as `--output json` shows it: the names of the specs, sizes in bytes, durations as they are written
 * (`"60s"`), times in ISO 8601, words for enums.
 */
export function toJson(descriptor: DescMessage, message: Message): Plain {
  return readable(descriptor, fromMessage(descriptor, message));
}

function readable(descriptor: DescMessage, plain: Plain): Plain {
  const fields = new Map(descriptor.fields.map((field) => [field.name, field]));
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [name, member(fields.get(name)!, value)]),
  );
}

function member(field: DescField, value: unknown): unknown {
  const { message } = field;
  if (!message) return value;
  if (field.fieldKind === "list") return (value as unknown[]).map((item) => single(message, item));
  if (field.fieldKind === "map") {
    return Object.fromEntries(
      Object.entries(value as Plain).map(([key, item]) => [key, single(message, item)]),
    );
  }
  return single(message, value);
}

function single(message: DescMessage, value: unknown): unknown {
  if (message.typeName === DurationSchema.typeName) return formatDuration(value as number);
  if (message.typeName === TimestampSchema.typeName) return new Date(value as number).toISOString();
  return readable(message, value as Plain);
}
