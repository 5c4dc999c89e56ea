import { formatSize } from "@lodge/schemas/spec/size.ts";
import { claimKey } from "../claim.ts";
import type { Draft } from "../ledger.ts";
import type { Policy, Wish } from "../policy.ts";
import type { Entry, Store } from "../port/store.ts";
import type { Record } from "../record.ts";
import { referenceRefusal } from "../reference.ts";
import type { Refusal } from "../refusal.ts";
import { describe } from "../words.ts";

const MiB = 2 ** 20;

/** The claims and references of a disk. One that belongs to a VM is known by its place there, not by a name. */
export function diskEntry(draft: Draft<"disk">): Entry {
  const { name, image_id } = draft.spec;
  const isOwned = draft.internal.ownerVmId !== undefined;
  return {
    record: draft,
    claims: isOwned ? [] : [{ key: claimKey.name("disk", name) }],
    references: image_id === undefined ? [] : [{ kind: "image", id: image_id }],
  };
}

/** The VM that a disk is attached to. */
export async function attachedVm(store: Store, diskId: string): Promise<string | undefined> {
  const key = claimKey.attachment(diskId);
  const claims = await store.claims(key);
  return claims.find((claim) => claim.key === key)?.holder?.id;
}

/** What is particular to disks. */
export function diskPolicy(store: Store): Policy<"disk"> {
  return {
    kind: "disk",
    entry: diskEntry,
    admit: async (wish) => ({
      refusals: await refusals(store, wish),
      status: wish.current
        ? {
            ...wish.current.status,
            ...(wish.current.status.phase === "failed" && { phase: "pending" }),
          }
        : newDiskStatus(wish.spec.size ?? 0),
      internal: wish.current?.internal ?? {},
    }),
    dismiss: async (record) => owned(record),
    present: async (record) => ({
      ...record,
      status: {
        ...record.status,
        owner_vm_id: record.internal.ownerVmId ?? null,
        attached_vm_id: (await attachedVm(store, record.id)) ?? null,
      },
    }),
  };
}

/** The status of a disk that has no file yet. */
export function newDiskStatus(sizeBytes: number): Record<"disk">["status"] {
  return {
    phase: "pending",
    message: "",
    size_bytes: sizeBytes,
    format: "qcow2",
    owner_vm_id: null,
    attached_vm_id: null,
  };
}

async function refusals(store: Store, { spec, current }: Wish<"disk">): Promise<Refusal[]> {
  const found: Refusal[] = current ? owned(current) : [];
  const { image_id, size } = spec;
  const image = image_id === undefined ? undefined : await store.get("image", image_id);
  if (image_id !== undefined && !current) {
    const refusal = referenceRefusal({ kind: "image", id: image_id }, image, ["image_id"]);
    if (refusal) found.push(refusal);
  }
  return [...found, ...shrinks(size, image, current, ["size"])];
}

/** The size of a disk that is made from an image and names none: one that a wish may name, so whole mebibytes. */
export function sizeFrom({ status }: Record<"image">): number {
  return Math.ceil(status.virtual_size_bytes / MiB) * MiB;
}

/** Why a disk cannot have a size: it would be smaller than its image, or than it is. */
export function shrinks(
  size: number | undefined,
  image: Record<"image"> | undefined,
  current: Record<"disk"> | undefined,
  path: readonly string[],
): Refusal[] {
  if (size === undefined) return [];
  const least = image?.status.phase === "ready" ? image.status.virtual_size_bytes : 0;
  const actual = Math.max(current?.status.size_bytes ?? 0, current?.spec.size ?? 0);
  if (size < least) {
    return [
      {
        reason: "SHRINK",
        path,
        message: `${formatSize(size)} is smaller than ${describe(image as Record)}, which has ${formatSize(least)}`,
        remedy: `Give it at least ${formatSize(least)}, or no size for that.`,
        kind: "image",
        id: image!.id,
        name: image!.spec.name,
      },
    ];
  }
  if (size < actual) {
    return [
      {
        reason: "SHRINK",
        path,
        message: `a disk cannot become smaller: it has ${formatSize(actual)}, and ${formatSize(size)} is less`,
        remedy: "Keep its size, or replace it.",
        kind: "disk",
        id: current!.id,
        name: current!.spec.name,
      },
    ];
  }
  return [];
}

function owned(record: Record<"disk">): Refusal[] {
  const owner = record.internal.ownerVmId;
  if (owner === undefined) return [];
  return [
    {
      reason: "OWNED_BY_VM",
      path: [],
      message: `${describe(record)} belongs to the VM ${owner} and is changed and deleted there`,
      remedy: "Change `disks` of that VM.",
      kind: "vm",
      id: owner,
    },
  ];
}
