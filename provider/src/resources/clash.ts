/** What stands in the way of a wish is another object, which may be out of it by the time of the apply. */
import type { Item, Refusal } from "@lodge/schemas/kind-client.ts";
import type { Reason } from "@lodge/schemas/rpc/reasons.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { Agent } from "../agent.ts";
import type { Hosts } from "../hosts.ts";
import type { Diagnostics } from "../sdk/diagnostic.ts";
import { sentence } from "./sentence.ts";
import { walkOf } from "./walk.ts";

/** For how long, in milliseconds, an apply waits for another object to be deleted, or to let go. */
export const PASSING = 15_000;

const clashes: ReadonlySet<string> = new Set<Reason>([
  "NAME_TAKEN",
  "MAC_TAKEN",
  "ADDRESS_TAKEN",
  "DISK_ATTACHED",
  "SUBNET_OVERLAP",
  "IN_USE",
]);

/** A new address is what the same name most often comes from, and a deletion is rarely meant by it. */
const moved =
  " If the same object is to have another address in Terraform, write a `moved` block: nothing is deleted then.";

/** Whether a wish that is refused so meets another object. */
export function isClash(reason: string): boolean {
  return clashes.has(reason);
}

/** The object that an agent names as standing in the way; undefined where it has gone, or the kind is unknown. */
export async function holderOf(
  agent: Agent,
  { kind, id }: { readonly kind: string | undefined; readonly id: string | undefined },
  signal: AbortSignal,
): Promise<Item<KindName> | undefined> {
  if (kind === undefined || !(kind in kinds)) return undefined;
  return (await agent.list(kind as KindName, signal)).find((item) => item.id === id);
}

/**
 * Says of a clash, which is a refusal for each who stands in the way, what becomes of it, where all of them may be out of
 * it by the time of the apply: they are in a state, and as far as this plan is known it does not keep them. False where
 * one of them certainly stays.
 */
export async function foresee(
  what: string,
  clash: readonly Refusal[],
  agent: Agent,
  {
    hosts,
    diagnostics,
    signal,
  }: {
    readonly hosts: Hosts;
    readonly diagnostics: Diagnostics;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const walk = walkOf(hosts);
  const { path, reason } = clash[0]!;
  const hold = reason === "IN_USE" ? "need" : "claim";
  const holders = await Promise.all(
    clash.map(async ({ message, holder: id, holderKind: kind }) => {
      const item = await holderOf(agent, { kind, id }, signal);
      const isClaimed = item?.claimed ?? false;
      const mayGo = walk.mayGo(id, sentence(message), { hold, isClaimed });
      const name = `${kinds[kind as KindName]?.title ?? "object"} ${item?.spec.name ?? ""}`.trim();
      return { id, item, mayGo, called: `${name} (${id})` };
    }),
  );
  if (!holders.every(({ mayGo }) => mayGo)) return false;
  const shielded = holders.find(
    // What is edited may let go of it without being deleted.
    ({ id, item }) => walk.isStored(id) && !walk.isKept(id) && isProtected(item),
  );
  if (hold === "claim" && shielded) {
    const detail = `The ${shielded.called} has it, and is protected: deletion_protection is on. Apply deletion_protection = false first, after \`terraform untaint\` where it is tainted.`;
    diagnostics.error(`Invalid ${what}`, detail, path);
    return true;
  }
  const named = holders.map(({ called }) => called).join(", ");
  const state = holders.every(({ id }) => walk.isStored(id))
    ? "which is in the state,"
    : "which is in a Terraform state already, perhaps in this one,";
  const does = hold === "need" ? "needs what is taken away" : "has it";
  const until = hold === "need" ? "Needed until its user" : "Taken until its holder";
  const detail = `The ${named}, ${state} ${does}. Where this plan deletes that, or changes it so that it lets go, the apply waits for that, at most ${PASSING / 1000} seconds until it begins; where it stays, or goes later as with create_before_destroy, the apply will fail.${reason === "NAME_TAKEN" ? moved : ""}`;
  diagnostics.warning(`${until} is deleted: ${what}`, detail, path);
  return true;
}

function isProtected(item: Item<KindName> | undefined): boolean {
  return item !== undefined && "deletion_protection" in item.spec && item.spec.deletion_protection;
}
