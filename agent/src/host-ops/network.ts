/** A network with address translation: bridge, table, namespace and dnsmasq. */
import { readdirSync } from "node:fs";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { parseCidr } from "@lodge/schemas/spec/address.ts";
import type { NetworkOperation } from "../lib/host-operations.ts";
import { aliases, links, paths, type Layout } from "../lib/layout.ts";
import { assertOurs, bridgeCommands, isOurs } from "./bridge.ts";
import { setDnsmasq, stopDnsmasq, type DnsmasqUser } from "./dnsmasq.ts";
import { ipBatch, ipShow, type Link } from "./ip.ts";
import { innerCommands, namespaceExists, observeNamespace, outerCommands } from "./namespace.ts";
import { createTable, deleteTable, mendTable, type ListingDigest } from "./nft.ts";
import { readJson, writeJson } from "./record.ts";
import { translationTable } from "./translation.ts";

/** What is kept of a network. It is written before anything is made and removed after everything is gone. */
export interface NetworkRecord extends NetworkOperation {
  readonly listing?: ListingDigest;
}

/** Makes the network what it should be. */
export async function setNetwork(
  layout: Layout,
  network: NetworkOperation,
  user: DnsmasqUser,
  signal: AbortSignal,
): Promise<void> {
  const { networkId, subnets } = network;
  const path = paths.networkRecord(layout, networkId);
  const record = readJson<NetworkRecord>(path);
  const cidrs = subnets.map(({ cidr }) => cidr);
  const [{ bridge, veth }, namespace] = await Promise.all([
    observeLinks(networkId, signal),
    observeNamespace(networkId, signal),
  ]);
  for (const link of [bridge, veth]) if (link) assertOurs(link, networkId);

  await mkdir(paths.reservations(layout, networkId), { recursive: true });
  const { listing, ...before } = record ?? {};
  if (JSON.stringify(before) !== JSON.stringify(network)) writeJson(path, network);

  const table = translationTable(networkId, cidrs);
  const translated = record
    ? mendTable(table, listing, signal)
    : createTable(table, signal).then(() => undefined);
  const linked = (async () => {
    const outer = outerCommands(networkId, namespace, veth);
    const addresses = subnets.map(({ cidr, gateway }) => `${gateway}/${parseCidr(cidr)!.prefix}`);
    await ipBatch([...bridgeCommands(networkId, addresses, bridge), ...outer], { signal });
    const inner = outer.length === 0 ? namespace : await observeNamespace(networkId, signal);
    const commands = innerCommands(cidrs, inner);
    await ipBatch(commands, { namespace: links.namespace(networkId), signal });
    await setDnsmasq(layout, network, inner.link!.ifindex, user, signal);
  })();
  await Promise.allSettled([translated, linked]);
  await linked;
  const listed = await translated;
  if (listed !== undefined) writeJson(path, { ...network, listing: listed });
}

/** Removes all of the network; nothing there is success. A foreign link under our bridge's name stays. */
export async function deleteNetwork(
  layout: Layout,
  networkId: string,
  signal: AbortSignal,
): Promise<void> {
  await stopDnsmasq(layout, networkId);
  const { bridge, veth } = await observeLinks(networkId, signal);
  await ipBatch(
    [
      ...[veth, bridge]
        .filter((link) => link !== undefined && isOurs(link, networkId))
        .map((link) => `link delete dev ${link!.ifname}`),
      ...(namespaceExists(networkId) ? [`netns delete ${links.namespace(networkId)}`] : []),
    ],
    { tolerant: true, signal },
  );
  await deleteTable({ family: "inet", name: links.table(networkId) }, signal);
  // What kept dnsmasq's log may still be ending, and put a last file in.
  await rm(paths.network(layout, networkId), {
    recursive: true,
    force: true,
    maxRetries: 10,
    retryDelay: 10,
  });
  await rmdir(paths.networks(layout)).catch(() => undefined);
}

/** The networks of which there is anything. */
export async function listNetworks(layout: Layout, signal: AbortSignal): Promise<string[]> {
  const found = new Set<string>();
  try {
    for (const networkId of readdirSync(paths.networks(layout))) found.add(networkId);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const prefix = aliases.network("");
  for (const link of await ipShow<Link>(["link show type bridge"], { signal })) {
    if (!link.ifalias?.startsWith(prefix)) continue;
    const networkId = link.ifalias.slice(prefix.length);
    if (link.ifname === links.bridge(networkId)) found.add(networkId);
  }
  return [...found];
}

async function observeLinks(
  networkId: string,
  signal: AbortSignal,
): Promise<{ bridge: Link | undefined; veth: Link | undefined }> {
  const [bridge, veth] = [links.bridge(networkId), links.veth(networkId)];
  const found = await ipShow<Link>([`address show dev ${bridge}`, `link show dev ${veth}`], {
    signal,
  });
  return {
    bridge: found.find(({ ifname }) => ifname === bridge),
    veth: found.find(({ ifname }) => ifname === veth),
  };
}
