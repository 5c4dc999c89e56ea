/** The DHCP reservations of a network: a file for each MAC address, which dnsmasq reads from their directory. */
import { readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NicOperation } from "../lib/host-operations.ts";
import { paths, type Layout } from "../lib/layout.ts";
import { parseLeases } from "../lib/leases.ts";
import { dropLeases, reloadDnsmasq } from "./dnsmasq.ts";

/** Reserves the interface's address; where another MAC address still has it on lease, that lease ends. */
export async function setReservation(
  layout: Layout,
  nic: NicOperation & { readonly ipv4Address: string },
  signal: AbortSignal,
): Promise<void> {
  const { networkId, mac, ipv4Address, vmName } = nic;
  const path = pathOf(layout, networkId, mac);
  const line = `${mac},${ipv4Address},${vmName}\n`;
  const found = readText(path);
  if (found !== line) {
    await mkdir(paths.reservations(layout, networkId), { recursive: true });
    // Hidden from dnsmasq until it is whole.
    const temporary = join(paths.network(layout, networkId), `.${fileName(mac)}`);
    await writeFile(temporary, line);
    await rename(temporary, path);
  }
  const others = ({ mac: other, ipv4Address: leased }: { mac: string; ipv4Address: string }) =>
    leased === ipv4Address && other !== mac;
  if (parseLeases(readText(paths.leases(layout, networkId)) ?? "").some(others)) {
    await dropLeases(layout, networkId, others, signal);
  } else if (found !== undefined && found !== line) {
    reloadDnsmasq(layout, networkId);
  }
}

/** Frees the address that the MAC address has reserved; none there is success. */
export async function deleteReservation(
  layout: Layout,
  networkId: string,
  mac: string,
): Promise<void> {
  const path = pathOf(layout, networkId, mac);
  if (readText(path) === undefined) return;
  await rm(path, { force: true });
  reloadDnsmasq(layout, networkId);
}

const fileName = (mac: string): string => mac.replaceAll(":", "-");

const pathOf = (layout: Layout, networkId: string, mac: string): string =>
  join(paths.reservations(layout, networkId), fileName(mac));

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
