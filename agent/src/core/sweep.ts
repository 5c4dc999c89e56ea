import type { Log } from "../lib/log.ts";
import type { DiskReconciler } from "./disk/reconcile.ts";
import type { ImageReconciler } from "./image/reconcile.ts";
import type { NetworkReconciler } from "./network/reconcile.ts";
import type { Disks } from "./port/disks.ts";
import type { Hypervisor } from "./port/hypervisor.ts";
import type { Images } from "./port/images.ts";
import type { Networks } from "./port/networks.ts";
import type { Store } from "./port/store.ts";
import type { Reference } from "./record.ts";
import type { VmReconciler } from "./vm/reconcile.ts";

export interface SweepOptions {
  readonly store: Store;
  readonly hypervisor: Hypervisor;
  readonly networks: Networks;
  readonly disks: Disks;
  readonly images: Images;
  readonly reconcilers: {
    readonly network: NetworkReconciler;
    readonly image: ImageReconciler;
    readonly disk: DiskReconciler;
    readonly vm: VmReconciler;
  };
  readonly wake: (reference: Reference) => void;
  readonly log: Log;
}

/**
 * Compares the host with the records: wakes every object for a full look, and the reconcilers of what is on the host
 * without a record, which then remove it. The host is listed before the records: a record is written before anything is
 * made for it, so that nothing that is just being made can look like a leftover. What counts as missing was there
 * according to its record before the host was listed, and has not changed since: what was made meanwhile is newer than
 * the list.
 */
export async function sweep(options: SweepOptions): Promise<void> {
  const { store, reconcilers, wake, log } = options;
  const before = await readySequences(store);
  const [machines, nics, networks, disks, images] = await Promise.all([
    options.hypervisor.list(),
    options.networks.listNics(),
    options.networks.list(),
    options.disks.list(),
    options.images.list(),
  ]);
  const seen = {
    network: new Set(networks),
    image: new Set(images),
    disk: new Set(disks),
    vm: new Set([...machines, ...nics.map(({ vmId }) => vmId)]),
  };
  for (const kind of ["network", "image", "disk", "vm"] as const) {
    const { records } = await store.list(kind);
    const known = new Set(records.map(({ id }) => id));
    for (const id of seen[kind]) {
      if (known.has(id)) continue;
      log.info({ [kind]: id }, "something on the host has no record");
      wake({ kind, id });
    }
    for (const { id, sequence } of records) {
      if (kind === "vm") reconcilers.vm.disturb(id);
      else if (!seen[kind].has(id) && before[kind].get(id) === sequence) {
        reconcilers[kind].noteMissing(id);
      }
      wake({ kind, id });
    }
  }
}

/** The sequences of the records that are ready, by their ids. */
async function readySequences(
  store: Store,
): Promise<{ readonly [K in "network" | "image" | "disk"]: ReadonlyMap<string, number> }> {
  const ready = async (kind: "network" | "image" | "disk"): Promise<Map<string, number>> => {
    const { records } = await store.list(kind);
    return new Map(
      records
        .filter(({ status }) => status.phase === "ready")
        .map(({ id, sequence }) => [id, sequence]),
    );
  };
  const [network, image, disk] = await Promise.all([
    ready("network"),
    ready("image"),
    ready("disk"),
  ]);
  return { network, image, disk };
}
