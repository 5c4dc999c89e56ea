import type { JsonValue, PrivateData } from "../values.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a provider kept beside a state. Nothing kept is the empty object. */
export function readPrivate(bytes: Uint8Array | undefined): PrivateData {
  if (bytes === undefined || bytes.length === 0) return {};
  let json: JsonValue;
  try {
    json = JSON.parse(decoder.decode(bytes)) as JsonValue;
  } catch (cause) {
    throw new Error("The provider's private data in the state is damaged.", { cause });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Error("The provider's private data in the state is damaged.");
  }
  return json as PrivateData;
}

/** The bytes to keep: the new data if there is some, else what was kept before. */
export function writePrivate(
  data: PrivateData | undefined,
  kept: Uint8Array = new Uint8Array(),
): Uint8Array {
  return data === undefined ? kept : encoder.encode(JSON.stringify(data));
}
