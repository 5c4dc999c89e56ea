/**
 * What an older agent says of a field that it does not know: it has a number and no name for it. Here both are known.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import { LodgeError } from "./rpc/error.ts";

/** The words for a field without a name: its number and its message's type. */
const nameless = /\b[Ff]ield ([0-9]+) of ([\w.]+)/gu;

/** The text with names for the fields of `root`, and of the messages in it, that it calls by their numbers. */
export function nameFields(root: DescMessage, text: string): string {
  return text.replaceAll(nameless, (whole, number: string, type: string) => {
    const field = find(root, type)?.fields.find((candidate) => candidate.number === Number(number));
    return field ? `\`${field.name}\`` : whole;
  });
}

/** An error with such names in its message and its violations; anything else as it is. */
export function withFieldNames(root: DescMessage, thrown: unknown): unknown {
  if (!(thrown instanceof LodgeError) || !thrown.is("SPEC_INVALID")) return thrown;
  const { code, reason, kind, id, objectName, remedy, violations, retryable } = thrown;
  return new LodgeError(nameFields(root, thrown.message), {
    code,
    reason,
    retryable,
    ...(kind !== undefined && { kind }),
    ...(id !== undefined && { id }),
    ...(objectName !== undefined && { name: objectName }),
    ...(remedy !== undefined && { remedy }),
    violations: violations.map(({ path, message }) => ({
      path,
      message: nameFields(root, message),
    })),
    cause: thrown,
  });
}

function find(root: DescMessage, type: string): DescMessage | undefined {
  if (root.typeName === type) return root;
  for (const { message } of root.fields) {
    const found = message && find(message, type);
    if (found) return found;
  }
  return undefined;
}
