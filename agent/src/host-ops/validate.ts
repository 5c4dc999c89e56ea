/** What a caller may ask for: every value that ends up in a command, a path or a file of ours is held to its form. */
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { isHostAddress, parseCidr, parseIpv4 } from "@lodge/schemas/spec/address.ts";
import type { NetworkOperation, NicOperation } from "../lib/host-operations.ts";

const id = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const deviceName = /^[a-z][a-z0-9_-]{0,19}$/;
const objectName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Of one station: the lowest bit of the first octet marks a group. */
const mac = /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/;

/** Throws INVALID_ARGUMENT (reason REQUEST_INVALID) unless the value is a UUID in lower case. */
export function assertId(value: string): void {
  hold(id.test(value), "an id", value);
}

/** Throws as `assertId` does. */
export function assertNicName(value: { readonly vmId: string; readonly nic: string }): void {
  assertId(value.vmId);
  hold(deviceName.test(value.nic), "the name of an interface", value.nic);
}

/** Throws as `assertId` does. */
export function assertNic(nic: NicOperation): void {
  assertNicName(nic);
  assertId(nic.networkId);
  hold(objectName.test(nic.vmName), "the name of a VM", nic.vmName);
  hold(mac.test(nic.mac), "a MAC address", nic.mac);
  if (nic.ipv4Address !== undefined) assertIpv4(nic.ipv4Address);
}

/** Throws as `assertId` does. */
export function assertNetwork({ networkId, subnets }: NetworkOperation): void {
  assertId(networkId);
  hold(subnets.length > 0, "a network with a subnet", networkId);
  for (const { name, cidr, gateway, dnsServers } of subnets) {
    hold(deviceName.test(name), "the name of a subnet", name);
    const network = parseCidr(cidr);
    hold(network !== undefined, "a network in CIDR notation", cidr);
    assertIpv4(gateway);
    hold(isHostAddress(network!, parseIpv4(gateway)!), `a host address of ${cidr}`, gateway);
    for (const server of dnsServers) assertIpv4(server);
  }
}

function assertIpv4(value: string): void {
  hold(parseIpv4(value) !== undefined, "an IPv4 address", value);
}

function hold(holds: boolean, what: string, value: string): void {
  if (!holds) throw lodgeError("REQUEST_INVALID", `This is not ${what}: ${JSON.stringify(value)}.`);
}
