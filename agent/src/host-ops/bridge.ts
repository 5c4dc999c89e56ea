import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { aliases, links, macs } from "../lib/layout.ts";
import { isUp, withoutIpv6, type Link } from "./ip.ts";

/**
 * Throws BRIDGE_TAKEN where the link under a network's name is not ours. One without an alias but with our MAC address is:
 * the kernel gives a link its address as it makes it, its alias only afterwards.
 */
export function assertOurs(link: Link, networkId: string): void {
  if (isOurs(link, networkId)) return;
  throw lodgeError(
    "BRIDGE_TAKEN",
    `The network's bridge would be ${link.ifname}, but a link of that name exists which is not Lodge's.`,
    {
      kind: "network",
      id: networkId,
      name: link.ifname,
      remedy: `Remove it (ip link delete ${link.ifname}) or rename it, then try again.`,
    },
  );
}

/** Whether the bridge or the veth pair's end is this network's. */
export function isOurs(link: Link, networkId: string): boolean {
  if (link.ifalias !== undefined) return link.ifalias === aliases.network(networkId);
  return link.address === macs.bridge(networkId) || link.address === macs.veth(networkId);
}

/** The commands that make the bridge what it should be; none where it is. `addresses` in the form `10.0.0.1/24`. */
export function bridgeCommands(
  networkId: string,
  addresses: readonly string[],
  found: Link | undefined,
): string[] {
  const name = links.bridge(networkId);
  const present = (found?.addr_info ?? [])
    .filter(({ family }) => family === "inet")
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  return [
    ...(found
      ? []
      : [
          // A MAC address of its own: a bridge without one takes that of its ports, and guests would lose their router.
          `link add name ${name} address ${macs.bridge(networkId)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
        ]),
    ...(found?.ifalias === undefined
      ? [`link set dev ${name} alias ${aliases.network(networkId)}${withoutIpv6}`]
      : []),
    ...present
      .filter((address) => !addresses.includes(address))
      .map((address) => `address delete ${address} dev ${name}`),
    ...addresses
      .filter((address) => !present.includes(address))
      .map((address) => `address add ${address} broadcast + dev ${name}`),
    ...(found && isUp(found) ? [] : [`link set dev ${name} up`]),
  ];
}
