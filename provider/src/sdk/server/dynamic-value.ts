import { ValueError } from "../value/error.ts";
import { decodeJson } from "../value/json.ts";
import { decodeMsgpack, encodeMsgpack } from "../value/msgpack.ts";
import type { Type } from "../value/type.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers } from "../value/value.ts";

interface Encoded {
  readonly msgpack: Uint8Array;
  readonly json: Uint8Array;
}

/**
 * Reads a value from a request: MessagePack, or JSON where there is none.
 *
 * @param what names the value in errors, such as "configuration"
 */
export function readValue(type: Type, encoded: Encoded | undefined, what: string): Value {
  try {
    if (encoded !== undefined && encoded.msgpack.length > 0)
      return decodeMsgpack(type, encoded.msgpack);
    if (encoded !== undefined && encoded.json.length > 0) return decodeJson(type, encoded.json);
    throw new ValueError("no value was sent");
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new Error(`Terraform sent a ${what} that does not fit the schema: ${error.message}.`, {
      cause: error,
    });
  }
}

/** As {@link readValue}, for a place where only an object makes sense. */
export function readObject(type: Type, encoded: Encoded | undefined, what: string): Members {
  const value = readValue(type, encoded, what);
  if (value === null || isUnknown(value) || !isMembers(value)) {
    throw new Error(`Terraform sent a ${what} without content.`);
  }
  return value;
}

/** Writes a value for a response: always MessagePack. */
export function writeValue(type: Type, value: Value): { msgpack: Uint8Array } {
  return { msgpack: encodeMsgpack(type, value) };
}
