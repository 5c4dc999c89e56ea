import { cidrSize, formatIpv4, parseCidr, type Cidr } from "@lodge/schemas/spec/address.ts";
import { ArgumentError } from "../sdk/function.ts";

/** The hosts of a network: all of its addresses but the first and the last. */
export interface NetworkHosts {
  readonly first: number;
  readonly last: number;
  readonly count: number;
}

/** The network that an argument names. Throws an error at that argument for what has no room for two hosts. */
export function networkArgument(argument: number, text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr !== undefined && cidr.prefix <= 30) return cidr;
  throw new ArgumentError(
    argument,
    `cidr must be an IPv4 network such as 10.20.0.0/24, without host bits, at most /30, not ${JSON.stringify(text)}`,
  );
}

export function hostsOf(cidr: Cidr): NetworkHosts {
  const count = cidrSize(cidr) - 2;
  return { first: cidr.base + 1, last: cidr.base + count, count };
}

/** As `ranges` of an address pool says it. */
export function rangeText(first: number, last: number): string {
  return first === last ? formatIpv4(first) : `${formatIpv4(first)}-${formatIpv4(last)}`;
}
