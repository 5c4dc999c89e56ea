import { isIPv4 } from "node:net";

/** An IPv4 network: its first address as a number and the length of its prefix. */
export interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

/** The number of an IPv4 address in dotted form; undefined where the text is none. */
export function parseIpv4(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The dotted form of an IPv4 address. */
export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** Parses `10.20.0.0/24`; undefined where the text is no network or has host bits set. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, prefix, ...rest] = text.split("/");
  const base = parseIpv4(address ?? "");
  if (base === undefined || rest.length > 0 || !/^(?:[0-9]|[12][0-9]|3[0-2])$/.test(prefix ?? ""))
    return undefined;
  const cidr = { base, prefix: Number(prefix) };
  return base % cidrSize(cidr) === 0 ? cidr : undefined;
}

/** How many addresses a network has. */
export function cidrSize(cidr: Cidr): number {
  return 2 ** (32 - cidr.prefix);
}

/** Whether two networks share an address. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + cidrSize(b) && b.base < a.base + cidrSize(a);
}

/** Whether an address can be a host's: inside the network, neither its first nor its last address. */
export function isHostAddress(cidr: Cidr, address: number): boolean {
  return address > cidr.base && address < cidr.base + cidrSize(cidr) - 1;
}

/** The address of a subnet's router where none is given: its first host address. */
export function defaultGateway(cidr: Cidr): string {
  return formatIpv4(cidr.base + 1);
}

/** A range of addresses, both ends inclusive. */
export interface AddressRange {
  readonly first: number;
  readonly last: number;
}

/** Parses `10.20.0.10-10.20.0.99` or a single address; undefined where the text is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [from, to, ...rest] = text.split("-");
  const first = parseIpv4(from ?? "");
  const last = to === undefined ? first : parseIpv4(to);
  if (first === undefined || last === undefined || rest.length > 0 || last < first)
    return undefined;
  return { first, last };
}

/**
 * The MAC address derived from an IPv4 address: locally administered, the same address always gets the same
 * one, so that a new machine under an old address is not a stranger to its neighbours' caches.
 */
export function macOf(address: string): string {
  const number = parseIpv4(address);
  if (number === undefined) throw new TypeError(`${address} is no IPv4 address`);
  const octets = [24, 16, 8, 0].map((shift) =>
    ((number >>> shift) & 255).toString(16).padStart(2, "0"),
  );
  return `52:54:${octets.join(":")}`;
}
