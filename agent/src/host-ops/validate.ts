/** What a caller may ask of networks and interfaces. */
import { isHostAddress, parseCidr, parseIpv4 } from "@lodge/schemas/spec/address.ts";
import type { NetworkOperation, NicOperation } from "../lib/host-operations.ts";
import { assertDeviceName, assertId, assertIpv4, assertMac, assertVmName, hold } from "./form.ts";

/** Throws INVALID_ARGUMENT (reason REQUEST_INVALID) unless every value has its form. */
export function assertNicName(value: { readonly vmId: string; readonly nic: string }): void {
  assertId(value.vmId);
  assertDeviceName("an interface", value.nic);
}

/** Throws as `assertNicName` does. */
export function assertNic(nic: NicOperation): void {
  assertNicName(nic);
  assertId(nic.networkId);
  assertVmName(nic.vmName);
  assertMac(nic.mac);
  if (nic.ipv4Address !== undefined) assertIpv4(nic.ipv4Address);
}

/** Throws as `assertNicName` does. */
export function assertNetwork({ networkId, subnets }: NetworkOperation): void {
  assertId(networkId);
  hold(subnets.length > 0, "a network with a subnet", networkId);
  for (const { name, cidr, gateway, dnsServers } of subnets) {
    assertDeviceName("a subnet", name);
    const network = parseCidr(cidr);
    hold(network !== undefined, "a network in CIDR notation", cidr);
    assertIpv4(gateway);
    hold(isHostAddress(network!, parseIpv4(gateway)!), `a host address of ${cidr}`, gateway);
    for (const server of dnsServers) assertIpv4(server);
  }
}
