import { claimKey } from "../claim.ts";
import { diskEntry, newDiskStatus, shrinks, sizeFrom } from "../disk/service.ts";
import type { Wish } from "../policy.ts";
import type { Entry, Expectation, Store } from "../port/store.ts";
import type { Record } from "../record.ts";
import { referenceRefusal } from "../reference.ts";
import type { Refusal } from "../refusal.ts";
import { describe } from "../words.ts";

/** What becomes of the disks of a wish. */
export interface DiskAdmission {
  readonly refusals: readonly Refusal[];
  /** The ids of the VM's own disks by their names. */
  readonly own: { readonly [name: string]: string };
  /** The records of its own disks that are new, changed or to end, in the commit of the VM. */
  readonly entries: readonly Entry[];
  readonly expect: readonly Expectation[];
  /** What is known of the sizes, by id. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** Checks the disks of a wish, and makes, grows or ends the records of those that are the VM's own. */
export async function admitDisks(
  store: Store,
  wish: Wish<"vm">,
  drawId: () => string,
): Promise<DiskAdmission> {
  const refusals: Refusal[] = [];
  const own: { [name: string]: string } = {};
  const entries: Entry[] = [];
  const expect: Expectation[] = [];
  const sizes = new Map<string, number>();
  const put = (entry: Entry, sequence: number): void => {
    entries.push(entry);
    expect.push({ kind: "disk", id: entry.record.id, sequence });
  };
  for (const name of Object.keys(wish.spec.disks).toSorted()) {
    const { disk_id } = wish.spec.disks[name]!;
    if (disk_id !== undefined) {
      const disk = await store.get("disk", disk_id);
      refusals.push(...(await attachRefusals(store, wish.id, name, disk_id, disk)));
      sizes.set(disk_id, disk?.status.size_bytes ?? 0);
      continue;
    }
    const found = await ownDisk(store, wish, name, drawId);
    refusals.push(...found.refusals);
    if (!found.draft) continue;
    own[name] = found.draft.id;
    sizes.set(found.draft.id, found.draft.status.size_bytes);
    if (found.changed) put(diskEntry(found.draft), found.draft.sequence);
  }
  for (const disk of await droppedDisks(store, wish, own)) {
    const status = { ...disk.status, phase: "deleting" as const, message: "" };
    put(diskEntry({ ...disk, deletedAt: wish.now, status }), disk.sequence);
  }
  return { refusals, own, entries, expect, sizes };
}

interface OwnDisk {
  readonly refusals: readonly Refusal[];
  readonly draft?: Record<"disk">;
  readonly changed?: boolean;
}

async function ownDisk(
  store: Store,
  { id, spec, current, creator, now }: Wish<"vm">,
  name: string,
  drawId: () => string,
): Promise<OwnDisk> {
  const { image_id, size } = spec.disks[name]!;
  const image = image_id === undefined ? undefined : await store.get("image", image_id);
  const disk =
    (await knownDisk(store, current?.internal.disks[name])) ??
    // One that was taken out of the wish and that the guest still has: it is taken back.
    (await knownDisk(store, current?.internal.boot?.disks[name], id));
  if (disk && disk.spec.image_id === image_id) {
    const refusals = shrinks(size, image, disk, ["disks", name, "size"]);
    if (size === undefined || size === disk.spec.size) return { refusals, draft: disk };
    const draft = {
      ...disk,
      spec: { ...disk.spec, size },
      specRevision: disk.specRevision + 1,
    };
    return { refusals, draft, changed: true };
  }
  const lost =
    image_id === undefined
      ? undefined
      : referenceRefusal({ kind: "image", id: image_id }, image, ["disks", name, "image_id"]);
  const refusals = [
    ...(lost ? [lost] : []),
    ...shrinks(size, image, undefined, ["disks", name, "size"]),
  ];
  const draft: Record<"disk"> = {
    kind: "disk",
    id: drawId(),
    creator,
    claimed: true,
    createdAt: now,
    specRevision: 1,
    observedRevision: 0,
    spec: {
      name: `${id}/${name}`,
      deletion_protection: false,
      ...(size !== undefined && { size }),
      ...(image_id !== undefined && { image_id }),
    },
    status: newDiskStatus(size ?? (image ? sizeFrom(image) : 0)),
    internal: { ownerVmId: id },
    sequence: 0,
  };
  return { refusals, draft, changed: true };
}

async function knownDisk(
  store: Store,
  id: string | undefined,
  owner?: string,
): Promise<Record<"disk"> | undefined> {
  const disk = id === undefined ? undefined : await store.get("disk", id);
  const fits = owner === undefined || disk?.internal.ownerVmId === owner;
  return fits && disk?.deletedAt === undefined ? disk : undefined;
}

async function attachRefusals(
  store: Store,
  vmId: string,
  name: string,
  diskId: string,
  disk: Record<"disk"> | undefined,
): Promise<Refusal[]> {
  const path = ["disks", name, "disk_id"];
  const lost = referenceRefusal({ kind: "disk", id: diskId }, disk, path);
  if (lost || !disk) return lost ? [lost] : [];
  const owner = disk.internal.ownerVmId;
  if (owner !== undefined) {
    return [
      {
        reason: "OWNED_BY_VM",
        path,
        message: `${describe(disk)} was declared in the VM ${owner} and cannot be attached elsewhere`,
        remedy: "Declare a disk that stands by itself (lodge_disk), and attach that.",
        kind: "vm",
        id: owner,
      },
    ];
  }
  const key = claimKey.attachment(diskId);
  const holder = (await store.claims(key)).find((claim) => claim.key === key)?.holder;
  if (!holder || holder.id === vmId) return [];
  const vm = await store.get("vm", holder.id);
  return [
    {
      reason: "DISK_ATTACHED",
      path,
      message: `${describe(disk)} is attached to ${vm ? describe(vm) : `the VM ${holder.id}`}`,
      remedy: "Detach it there first; a running guest has it until its next boot.",
      kind: "vm",
      id: holder.id,
      ...(vm && { name: vm.spec.name }),
      retryable: vm?.deletedAt !== undefined,
    },
  ];
}

/** The VM's own disks that the wish has no longer and that no guest has open. */
async function droppedDisks(
  store: Store,
  { current }: Wish<"vm">,
  own: { readonly [name: string]: string },
): Promise<Record<"disk">[]> {
  const kept = new Set([
    ...Object.values(own),
    ...Object.values(current?.internal.boot?.disks ?? {}),
  ]);
  const dropped = Object.values(current?.internal.disks ?? {}).filter((id) => !kept.has(id));
  const disks = await Promise.all(dropped.map((id) => store.get("disk", id)));
  return disks.filter((disk) => disk !== undefined).filter((disk) => disk.deletedAt === undefined);
}
