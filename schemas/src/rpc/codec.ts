/** Messages to bytes and back, with our own errors: grpc-js would turn every fault here into INTERNAL. */
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type Message,
} from "@bufbuild/protobuf";
import { lodgeError, type LodgeError } from "./error.ts";
import { formatBytes } from "./limits.ts";

/** grpc-js is given bytes and gives bytes. */
export const identity = (bytes: Buffer): Buffer => bytes;

/** @returns `/package.Service/Method`. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Encodes a message or an initializer of one; refuses what is larger than `limit` bytes. */
export function encode(
  method: DescMethod,
  schema: DescMessage,
  message: unknown,
  limit: number,
): Buffer {
  const whole = create(schema, message as never);
  const bytes = toBinary(schema, whole);
  if (bytes.byteLength > limit) throw tooLarge(method, bytes.byteLength, limit);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes a message; fields that this version does not know are kept and ignored. */
export function decode(method: DescMethod, schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw lodgeError(
      "MALFORMED_MESSAGE",
      `A message of ${methodPath(method)} does not parse as ${schema.typeName}.`,
      { cause },
    );
  }
}

/** @returns the error for a message of `size` bytes on a connection that allows `limit`. */
export function tooLarge(method: DescMethod, size: number, limit: number): LodgeError {
  return lodgeError(
    "MESSAGE_TOO_LARGE",
    `A message of ${methodPath(method)} has ${formatBytes(size)}; the limit is ${formatBytes(limit)}.`,
    { remedy: "Send less at once: shorten the largest value, or split the request." },
  );
}
