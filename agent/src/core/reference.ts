import { kinds } from "@lodge/schemas/spec/kind.ts";
import type { Record, Reference } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import { describe } from "./words.ts";

/** Why an object that a wish names cannot be used: it is not there, or not for long. */
export function referenceRefusal(
  { kind, id }: Reference,
  record: Record | undefined,
  path: readonly string[],
): Refusal | undefined {
  if (!record) {
    return {
      reason: "REFERENCE_NOT_FOUND",
      path,
      message: `there is no ${kinds[kind].title} ${id} on this host`,
      remedy: `Create it first, or name the id of one that is on this host.`,
      kind,
      id,
    };
  }
  if (record.deletedAt === undefined) return undefined;
  return {
    reason: "BEING_DELETED",
    path,
    message: `${describe(record)} is being deleted`,
    remedy: "Name another, or create a new one when it is gone.",
    kind,
    id,
    name: record.spec.name,
  };
}
