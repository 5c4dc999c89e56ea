import { parseCidr } from "@lodge/schemas/spec/address.ts";
import { bridgePrefix, links } from "../lib/layout.ts";
import type { Table } from "./nft.ts";

/**
 * The table of a network: guests get out under the host's address, nothing unsolicited comes in, and of the host itself
 * they reach nothing but its echo. Everything is matched by the bridge's name: packets from guest to guest, which a
 * kernel with bridge-nf shows to these chains too, must leave as they came.
 */
export function translationTable(networkId: string, cidrs: readonly string[]): Table {
  const bridge = links.bridge(networkId);
  // In the order in which nft lists a set.
  const sorted = [...cidrs].sort((a, b) => parseCidr(a)!.base - parseCidr(b)!.base);
  const subnets = sorted.length === 1 ? sorted[0]! : `{ ${sorted.join(", ")} }`;
  return {
    family: "inet",
    name: links.table(networkId),
    chains: `
chain input {
  type filter hook input priority filter; policy accept;
  iifname "${bridge}" jump to_host
}
chain to_host {
  ct state established,related accept
  icmp type echo-request accept
  drop
}
chain forward {
  type filter hook forward priority filter; policy accept;
  iifname "${bridge}" jump from_guests
  oifname "${bridge}" jump to_guests
}
chain from_guests {
  oifname "${bridge}" accept
  oifname "${bridgePrefix}*" drop
  ip saddr != ${subnets} drop
  meta nfproto != ipv4 drop
}
chain to_guests {
  iifname "${bridge}" accept
  ct state established,related accept
  drop
}
chain postrouting {
  type nat hook postrouting priority srcnat; policy accept;
  oifname != "${bridge}" oifname != "lo" ip saddr ${subnets} masquerade
}`,
  };
}
