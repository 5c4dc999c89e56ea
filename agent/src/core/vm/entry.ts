import { claimKey } from "../claim.ts";
import type { Draft } from "../ledger.ts";
import type { Claim, Entry, Store } from "../port/store.ts";
import type { NicAllocation, Record, Reference, VmInternal } from "../record.ts";

/** The ids of the disks that a wish has, by their names: its own and those that stand by themselves. */
export function diskIds(
  spec: Record<"vm">["spec"],
  internal: Pick<VmInternal, "disks">,
): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.keys(spec.disks)
      .toSorted()
      .flatMap((name) => {
        const id = spec.disks[name]!.disk_id ?? internal.disks[name];
        return id === undefined ? [] : [[name, id]];
      }),
  );
}

/** The disks that the VM has to itself: those of the wish and those that its guest still has open. */
export function attachedDisks({ spec, internal }: Draft<"vm">): string[] {
  return [
    ...new Set([
      ...Object.values(diskIds(spec, internal)),
      ...Object.values(internal.boot?.disks ?? {}),
    ]),
  ];
}

/** The disks that a VM has no longer. */
export function freedDisks(before: Record<"vm">, after: Draft<"vm">): Reference[] {
  const kept = new Set(attachedDisks(after));
  return attachedDisks(before)
    .filter((id) => !kept.has(id))
    .map((id) => ({ kind: "disk", id }));
}

/** The interfaces that the VM has: those of the wish and those that its guest still has. */
export function allocationsOf(internal: VmInternal): NicAllocation[] {
  return [...Object.values(internal.nics), ...Object.values(internal.boot?.nics ?? {})];
}

/**
 * The claims and references of a VM. What a running guest has stays claimed beside what the wish was given, until the
 * guest is gone. A VM that is being taken apart no longer needs its own disks, so that they can go before it.
 */
export async function vmEntry(store: Store, draft: Draft<"vm">): Promise<Entry> {
  const { spec, internal } = draft;
  const nics = allocationsOf(internal);
  const own = new Set(Object.values(internal.disks));
  const disks = attachedDisks(draft).filter((disk) => !internal.dismantling || !own.has(disk));
  const kernels = [spec.kernel, internal.boot?.spec.kernel];
  const references: Reference[] = [
    ...nics.map(({ network_id }) => ({ kind: "network" as const, id: network_id })),
    ...nics.flatMap(({ ipv4_pool_id }) =>
      ipv4_pool_id === undefined ? [] : [{ kind: "address_pool" as const, id: ipv4_pool_id }],
    ),
    ...kernels
      .flatMap((kernel) => [kernel?.image_id, kernel?.initrd_image_id])
      .filter((image) => image !== undefined)
      .map((image) => ({ kind: "image" as const, id: image })),
    ...disks.map((disk) => ({ kind: "disk" as const, id: disk })),
  ];
  const claims: Claim[] = [
    { key: claimKey.name("vm", spec.name) },
    ...disks.map((disk) => ({ key: claimKey.attachment(disk) })),
    ...(await Promise.all(nics.map((nic) => nicClaims(store, nic)))).flat(),
  ];
  return {
    record: draft,
    claims: uniqueBy(claims, ({ key }) => key),
    references: uniqueBy(references, (reference) => `${reference.kind}/${reference.id}`),
  };
}

/** The rest of an address is the one that its pool has now: it is asked for at every change of the VM. */
async function nicClaims(store: Store, nic: NicAllocation): Promise<Claim[]> {
  const mac = { key: claimKey.mac(nic.mac) };
  if (nic.ipv4_address === undefined || nic.ipv4_pool_id === undefined) return [mac];
  const pool = await store.get("address_pool", nic.ipv4_pool_id);
  return [
    mac,
    {
      key: claimKey.ipv4(nic.network_id, nic.ipv4_address),
      cooldown: pool?.spec.cooldown ?? 0,
    },
  ];
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}
