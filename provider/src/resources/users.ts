/** Who keeps an object from being deleted, as it would be where a plan replaces it. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { Hosts } from "../hosts.ts";
import type { Diagnostics } from "../sdk/diagnostic.ts";
import { isAskedLater } from "./asked-later.ts";

interface Context {
  readonly client: Hosts;
  readonly diagnostics: Diagnostics;
  readonly signal: AbortSignal;
}

/**
 * What a VM needs and can be given another of in place, by id: where that is replaced, the VM is not. An image that a disk
 * was made from is left out, since another one replaces the VM.
 */
const needs: { readonly [K in KindName]?: (vm: Item<"vm">) => readonly unknown[] } = {
  network: ({ spec }) => Object.values(spec.nics).map(({ network_id }) => network_id),
  address_pool: ({ spec }) => Object.values(spec.nics).map(({ ipv4_pool_id }) => ipv4_pool_id),
  image: ({ spec: { kernel } }) => [kernel?.image_id, kernel?.initrd_image_id],
  disk: ({ spec }) => Object.values(spec.disks).map(({ disk_id }) => disk_id),
};

/**
 * Warns of the VMs that need an object which is to be replaced. Terraform deletes it before it changes a VM in place, and
 * the agent deletes nothing that is needed. An agent that does not answer is asked at apply.
 */
export async function warnOfUsers(
  kind: KindName,
  { id, name, home }: { readonly id: string; readonly name: unknown; readonly home: unknown },
  { client, diagnostics, signal }: Context,
): Promise<void> {
  const needed = needs[kind];
  if (!needed || !client.isKnown(home)) return;
  const agent = await client.agent(home as string | null, "state");
  const vms = await agent.list("vm", signal).catch((thrown: unknown) => {
    if (!isAskedLater(thrown)) throw thrown;
    return [];
  });
  const users = vms.filter((vm) => needed(vm).includes(id)).map(({ spec }) => `VM ${spec.name}`);
  if (users.length === 0) return;
  const { title } = kinds[kind];
  const each = users.length === 1 ? ["that is", "lets"] : ["those are", "let"];
  diagnostics.warning(
    `The ${title} ${String(name)} cannot be deleted while it is needed`,
    `It is to be replaced, and is needed by ${users.join(", ")}: the apply fails unless ${each[0]} deleted or replaced with it (replace_triggered_by), or ${each[1]} it go first (create_before_destroy, with another name).`,
    [],
  );
}
