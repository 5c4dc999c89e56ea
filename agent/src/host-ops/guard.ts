import { links, macs, servicesAddress } from "../lib/layout.ts";
import type { NicOperation } from "../lib/host-operations.ts";
import type { Table } from "./nft.ts";

/** How often a guest may ask for its address: a boot takes two to ten messages, and each costs the host an answer. */
const dhcpRate = "5/second burst 20 packets";

/**
 * The table of a tap: what a guest sends is checked as it enters the host, before the bridge sees it.
 *
 * A guest with an address of ours may speak ARP and IPv4 under that address, ask for it by DHCP, and speak IPv6 inside its
 * own link. A guest without may use any address but those of the network's routers and services. Neither may answer as
 * a DHCP server or a router. The services' address is no neighbour of the guest's, so what it sends there through its
 * router (a lease's renewal) is led to them.
 * @param reserved the addresses of the network's routers
 */
export function guardTable(nic: NicOperation, reserved: readonly string[]): Table {
  const { mac, ipv4Address } = nic;
  return {
    family: "netdev",
    name: links.guard(nic.vmId, nic.nic),
    chains: `
chain ingress {
  type filter hook ingress device "${links.tap(nic.vmId, nic.nic)}" priority -500; policy ${ipv4Address === undefined ? "accept" : "drop"};
  ether saddr != ${mac} drop
  ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop
  vlan id 0 drop
  ether type 8021ad vlan id 0 drop
  ether type arp jump arp_from
  ether type ip jump ip_from
  ether type ip6 jump ip6_from
}
chain arp_from {
  arp saddr ether != ${mac} drop
${arpRules(ipv4Address, reserved)}
}
chain ip_from {
  udp sport 67 drop
  udp dport 67 jump dhcp_from
${ipRules(ipv4Address, reserved)}
  ip daddr ${servicesAddress} ether daddr set ${macs.services(nic.networkId)}
  accept
}
chain dhcp_from {
  @th,288,48 0x${mac.replaceAll(":", "")} limit rate ${dhcpRate} return
  drop
}
chain ip6_from {
  exthdr frag exists drop
  icmpv6 type nd-router-advert drop
  icmpv6 type nd-redirect drop
  udp sport 547 drop
${ipv4Address === undefined ? "  accept" : "  ip6 saddr fe80::/10 accept\n  ip6 saddr :: accept\n  drop"}
}`,
  };
}

/** A guest looks whether its own address is free by asking under no address; for others' it may not. */
function arpRules(own: string | undefined, reserved: readonly string[]): string {
  if (own === undefined) {
    return (
      [...reserved, servicesAddress].map((address) => `  arp saddr ip ${address} drop`).join("\n") +
      "\n  accept"
    );
  }
  return `  arp saddr ip ${own} accept\n  arp operation request arp saddr ip 0.0.0.0 arp daddr ip ${own} accept\n  drop`;
}

function ipRules(own: string | undefined, reserved: readonly string[]): string {
  if (own === undefined) {
    return [...reserved, servicesAddress].map((address) => `  ip saddr ${address} drop`).join("\n");
  }
  return `  ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\n  ip saddr != ${own} drop`;
}
