import { kinds } from "@lodge/schemas/spec/kind.ts";
import type { Record } from "../record.ts";
import { diskIds } from "./entry.ts";
import type { Working } from "./working.ts";

/** Something that a VM waits for. */
export interface Need {
  /** It will not come by itself. */
  readonly failed: boolean;
  /** `DISK_FAILED`, `NETWORK_PENDING`, … */
  readonly reason: string;
  readonly message: string;
}

/** The first thing that the guest needs and that is not there yet; one that failed comes before one that takes time. */
export function unmetNeed(facts: Working): Need | undefined {
  const { record, related } = facts.input;
  const { spec } = record;
  const disks = Object.values(diskIds(spec, facts.internal)).map((id) =>
    need("disk", id, related.disks.get(id)),
  );
  if (!facts.wanted) return worst(disks);
  const kernel = [spec.kernel?.image_id, spec.kernel?.initrd_image_id].filter(
    (id) => id !== undefined,
  );
  const networks = new Set(Object.values(facts.internal.nics).map(({ network_id }) => network_id));
  return worst([
    ...disks,
    ...[...networks].map((id) => need("network", id, related.networks.get(id))),
    ...kernel.map((id) => need("image", id, related.images.get(id))),
  ]);
}

function worst(needs: readonly (Need | undefined)[]): Need | undefined {
  return needs.find((found) => found?.failed) ?? needs.find((found) => found !== undefined);
}

function need(
  kind: "disk" | "network" | "image",
  id: string,
  record: Record<"disk"> | Record<"network"> | Record<"image"> | undefined,
): Need | undefined {
  const title = kinds[kind].title;
  if (!record) {
    return {
      failed: true,
      reason: `${kind.toUpperCase()}_MISSING`,
      message: `Its ${title} ${id} is not on this host.`,
    };
  }
  const { phase, message } = record.status;
  if (phase === "failed") {
    return {
      failed: true,
      reason: `${kind.toUpperCase()}_FAILED`,
      message: `Its ${title} ${record.spec.name} failed: ${message}`,
    };
  }
  const growing = record.kind === "disk" && (record.spec.size ?? 0) > record.status.size_bytes;
  if (phase === "ready" && !growing) return undefined;
  return {
    failed: false,
    reason: `${kind.toUpperCase()}_PENDING`,
    message: `Waiting for its ${title} ${record.spec.name}${message === "" ? "" : `, which is ${message}`}.`,
  };
}
