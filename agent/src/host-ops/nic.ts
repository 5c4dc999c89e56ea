/** A guest's interface: tap, guard and reservation, made side by side, for a guest waits for them. */
import { readdirSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { LodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { NicOperation } from "../lib/host-operations.ts";
import { links, paths, type Layout } from "../lib/layout.ts";
import { guardTable } from "./guard.ts";
import { ipBatch, ipShow, type Link } from "./ip.ts";
import { createTable, deleteTable, mendTable, type ListingDigest } from "./nft.ts";
import type { NetworkRecord } from "./network.ts";
import { readJson, writeJson } from "./record.ts";
import { deleteReservation, setReservation } from "./reservation.ts";
import { assertOurTap, isOurTap, observeTap, tapCommands } from "./tap.ts";

/** What is kept of an interface. It is written before anything is made and removed after everything is gone. */
interface NicRecord {
  readonly nic: NicOperation;
  readonly listing?: ListingDigest;
}

/** Runs one task of a network at a time. */
export type WithNetwork = (networkId: string, task: () => Promise<void>) => Promise<void>;

/** Makes the interface what it should be. */
export async function setNic(
  layout: Layout,
  nic: NicOperation,
  owner: number,
  withNetwork: WithNetwork,
  signal: AbortSignal,
): Promise<void> {
  const network = readJson<NetworkRecord>(paths.networkRecord(layout, nic.networkId));
  if (!network) {
    throw lodgeError(
      "REFERENCE_NOT_FOUND",
      `Network ${nic.networkId} is not set up on this host.`,
      {
        kind: "network",
        id: nic.networkId,
      },
    );
  }
  const path = paths.nicRecord(layout, nic.vmId, nic.nic);
  const record = readJson<NicRecord>(path);
  const before = record?.nic;
  if (before && !isSame(before, nic)) {
    await withNetwork(before.networkId, () => free(layout, before, nic));
  }
  if (!before || !isSame(before, nic)) writeJson(path, { nic } satisfies NicRecord);

  const guard = guardTable(
    nic,
    network.subnets.map(({ gateway }) => gateway),
  );
  const plugged = record
    ? mendTap(nic, guard, owner, record.listing, signal)
    : makeTap(nic, guard, owner, signal);
  const { ipv4Address } = nic;
  await settled(
    plugged,
    ipv4Address === undefined
      ? Promise.resolve()
      : withNetwork(nic.networkId, () => setReservation(layout, { ...nic, ipv4Address }, signal)),
  );
  const listing = await plugged;
  if (listing !== undefined && listing !== record?.listing) {
    writeJson(path, { nic, listing } satisfies NicRecord);
  }
}

/** Removes all of the interface; nothing there is success. */
export async function deleteNic(
  layout: Layout,
  nic: { readonly vmId: string; readonly nic: string },
  withNetwork: WithNetwork,
  signal: AbortSignal,
): Promise<void> {
  const path = paths.nicRecord(layout, nic.vmId, nic.nic);
  const record = readJson<NicRecord>(path);
  await settled(
    deleteTap(nic, signal),
    deleteTable({ family: "netdev", name: links.guard(nic.vmId, nic.nic) }, signal),
    record === undefined
      ? Promise.resolve()
      : withNetwork(record.nic.networkId, () =>
          deleteReservation(layout, record.nic.networkId, record.nic.mac),
        ),
  );
  await rm(path, { force: true });
  for (const directory of [paths.nicsOf(layout, nic.vmId), paths.nics(layout)]) {
    await rmdir(directory).catch(() => undefined);
  }
}

/** The interfaces of which there is anything. */
export async function listNics(
  layout: Layout,
  signal: AbortSignal,
): Promise<{ vmId: string; nic: string }[]> {
  const found = new Map<string, { vmId: string; nic: string }>();
  const add = (vmId: string, nic: string) => found.set(`${vmId}:${nic}`, { vmId, nic });
  for (const vmId of entries(paths.nics(layout))) {
    for (const file of entries(paths.nicsOf(layout, vmId))) {
      if (file.endsWith(".json")) add(vmId, file.slice(0, -".json".length));
    }
  }
  for (const link of await ipShow<Link>(["link show type tun"], { signal })) {
    const match = /^lodge:nic:([^:]+):([^:]+)$/.exec(link.ifalias ?? "");
    if (match && links.tap(match[1]!, match[2]!) === link.ifname) add(match[1]!, match[2]!);
  }
  return [...found.values()];
}

/** The tap of an interface that should not be there yet: two programs, without a look first. */
async function makeTap(
  nic: NicOperation,
  guard: ReturnType<typeof guardTable>,
  owner: number,
  signal: AbortSignal,
): Promise<ListingDigest | undefined> {
  try {
    await ipBatch(tapCommands(nic, owner, undefined), { signal });
  } catch (error) {
    if (!(error instanceof LodgeError) || !error.is("COMMAND_FAILED")) throw error;
    return await mendTap(nic, guard, owner, undefined, signal);
  }
  await createTable(guard, signal);
  return undefined;
}

/** The tap of an interface of which there may be anything. The guard hangs on the tap, so that comes first. */
async function mendTap(
  nic: NicOperation,
  guard: ReturnType<typeof guardTable>,
  owner: number,
  listing: ListingDigest | undefined,
  signal: AbortSignal,
): Promise<ListingDigest | undefined> {
  const found = await observeTap(nic, signal);
  if (found) assertOurTap(found, nic);
  // A guard that outlived its tap says that it guards, but the new tap is not on its list.
  if (!found) await deleteTable(guard, signal);
  await ipBatch(tapCommands(nic, owner, found), { signal });
  return await mendTable(guard, listing, signal);
}

async function deleteTap(
  nic: { readonly vmId: string; readonly nic: string },
  signal: AbortSignal,
): Promise<void> {
  const found = await observeTap(nic, signal);
  if (!found || !isOurTap(found, nic)) return;
  await ipBatch([`link delete dev ${found.ifname}`], { tolerant: true, signal });
}

/** Takes back what the interface had reserved and no longer is to have. */
async function free(layout: Layout, before: NicOperation, after: NicOperation): Promise<void> {
  const kept =
    before.networkId === after.networkId &&
    before.mac === after.mac &&
    after.ipv4Address !== undefined;
  if (!kept) await deleteReservation(layout, before.networkId, before.mac);
}

function isSame(a: NicOperation, b: NicOperation): boolean {
  const fields = ["vmName", "networkId", "mac", "ipv4Address"] as const;
  return fields.every((field) => a[field] === b[field]);
}

/** All of them to their end, however one ends: a step of ours must not go on after its call has failed. */
async function settled(...tasks: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(tasks);
  await Promise.all(tasks);
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // What cannot be read is not nothing: interfaces that are taken for gone are made anew.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
