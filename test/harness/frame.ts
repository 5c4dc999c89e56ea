/** Ethernet frames built by hand, for tests that send what no well-behaved guest would. */

export const broadcastMac = "ff:ff:ff:ff:ff:ff";

export interface Ethernet {
  readonly from: string;
  readonly to?: string;
  /** EtherType; below 1536 it is a length, as of the frames of bridges among themselves. */
  readonly type: number;
  readonly payload: Buffer;
}

export function ethernet({ from, to = broadcastMac, type, payload }: Ethernet): Buffer {
  return Buffer.concat([mac(to), mac(from), uint16(type), payload]);
}

export interface Arp {
  readonly operation: "request" | "reply";
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetIp: string;
}

export function arp({ operation, senderMac, senderIp, targetIp }: Arp): Buffer {
  return Buffer.concat([
    Buffer.from("000108000604", "hex"),
    uint16(operation === "request" ? 1 : 2),
    mac(senderMac),
    ip(senderIp),
    Buffer.alloc(6),
    ip(targetIp),
  ]);
}

export interface Udp {
  readonly from: string;
  readonly to: string;
  readonly fromPort: number;
  readonly toPort: number;
  readonly data?: Buffer;
}

/** An IPv4 packet with a UDP datagram; its checksum is left out, which UDP allows. */
export function udp({ from, to, fromPort, toPort, data = Buffer.alloc(0) }: Udp): Buffer {
  const datagram = Buffer.concat([
    uint16(fromPort),
    uint16(toPort),
    uint16(8 + data.length),
    uint16(0),
    data,
  ]);
  const header = Buffer.concat([
    Buffer.from([0x45, 0]),
    uint16(20 + datagram.length),
    Buffer.from([0, 0, 0, 0, 64, 17, 0, 0]),
    ip(from),
    ip(to),
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, datagram]);
}

export interface Ipv6 {
  readonly from: string;
  readonly to: string;
  /** Number of the protocol of the first header in the payload. */
  readonly next: number;
  readonly payload: Buffer;
}

export function ipv6({ from, to, next, payload }: Ipv6): Buffer {
  const begin = Buffer.from([0x60, 0, 0, 0, 0, 0, next, 255]);
  begin.writeUInt16BE(payload.length, 4);
  return Buffer.concat([begin, ip6(from), ip6(to), payload]);
}

/** An ICMPv6 message in its IPv6 packet. */
export function icmpv6(from: string, to: string, type: number, body: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0]), body]);
  const pseudo = Buffer.concat([
    ip6(from),
    ip6(to),
    uint16(0),
    uint16(message.length),
    uint16(0),
    uint16(58),
  ]);
  message.writeUInt16BE(checksum(Buffer.concat([pseudo, message])), 2);
  return ipv6({ from, to, next: 58, payload: message });
}

export const mac = (text: string): Buffer => Buffer.from(text.replaceAll(":", ""), "hex");
export const ip = (text: string): Buffer => Buffer.from(text.split(".").map(Number));

function ip6(text: string): Buffer {
  const [head = "", tail = ""] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const zeros = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => "0"), ...groups(tail)];
  return Buffer.concat(all.map((group) => uint16(parseInt(group, 16))));
}

function uint16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value);
  return buffer;
}

function checksum(data: Buffer): number {
  const even = data.length % 2 === 0 ? data : Buffer.concat([data, Buffer.alloc(1)]);
  let sum = 0;
  for (let index = 0; index < even.length; index += 2) sum += even.readUInt16BE(index);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
