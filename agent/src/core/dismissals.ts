import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Policy } from "./policy.ts";
import type { Store } from "./port/store.ts";
import type { Record } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import { describe } from "./words.ts";

/** What speaks against the end of an object: its protection, what its kind says, and its users. */
export async function dismissals<K extends KindName>(
  policy: Policy<K>,
  store: Store,
  record: Record<K>,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  const { kind, id, spec } = record;
  if ("deletion_protection" in spec && spec.deletion_protection) {
    refusals.push({
      reason: "DELETION_PROTECTED",
      path: ["deletion_protection"],
      message: `${describe(record)} is protected against deletion`,
      remedy: "Apply `deletion_protection = false` first.",
      kind,
      id,
      name: spec.name,
    });
  }
  refusals.push(...((await policy.dismiss?.(record)) ?? []));
  const users = await store.users({ kind, id });
  if (users.length > 0) {
    const records = await Promise.all(users.map((user) => store.get(user.kind, user.id)));
    const named = records.filter((user) => user !== undefined);
    refusals.push({
      reason: "IN_USE",
      path: [],
      message: `${describe(record)} is needed by ${named.map(describe).join(", ")}`,
      remedy: "Delete those first, or change them so that they do not need it.",
      kind,
      id,
      name: spec.name,
      retryable: named.every((user) => user.deletedAt !== undefined),
    });
  }
  return refusals;
}
