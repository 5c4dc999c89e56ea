import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NetworkOperation, NicOperation } from "../../agent/src/lib/host-operations.ts";
import {
  arp,
  broadcastMac,
  ethernet,
  icmpv6,
  ipv6,
  udp,
  type Arp,
  type Udp,
} from "../harness/frame.ts";
import type { Guest } from "../harness/guest.ts";
import { TestHost } from "../harness/test-host.ts";

const other = "52:54:0a:14:01:63";
const [router, neighbour] = ["10.20.1.1", "10.20.1.99"];
const allNodes = "ff02::1";

let host: TestHost;
let network: NetworkOperation;
/** Sees what the bridge lets through to everyone. */
let witness: Guest;
let tags = 0;

beforeAll(async () => {
  host = new TestHost();
  network = await host.setNetwork(1);
  witness = await host.guest(await host.setNic(network, 50));
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
});

/** Whether the witness gets a frame. The wire keeps the order of frames, so one that is let through ends the wait. */
async function passes(guest: Guest, nic: NicOperation, frame: Buffer): Promise<boolean> {
  const tag = Buffer.from(`<tag ${++tags}>`);
  const end = Buffer.from(`<end ${tags}>`);
  // Behind what it carries: what is too long for its own header is padding to whoever reads it.
  await guest.send(Buffer.concat([frame, tag]));
  const { mac, ipv4Address = "10.20.1.77" } = nic;
  await guest.send(
    ethernet({
      from: mac,
      type: 0x0800,
      payload: udp({
        from: ipv4Address,
        to: "255.255.255.255",
        fromPort: 9,
        toPort: 9,
        data: end,
      }),
    }),
  );
  const seen = await witness.until((received) => received.includes(end));
  return seen.some((received) => received.includes(tag));
}

const advertisement = (from: string) => icmpv6(from, allNodes, 134, Buffer.alloc(12));
const v4 = (from: string, changes: Partial<Udp>, own: string) =>
  ethernet({
    from,
    type: 0x0800,
    payload: udp({
      from: own,
      to: "255.255.255.255",
      fromPort: 68,
      toPort: 67,
      data: bootp(from),
      ...changes,
    }),
  });
/** As much of a DHCP message as says for whom it is. */
const bootp = (of: string) =>
  Buffer.concat([
    Buffer.from([1, 1, 6, 0]),
    Buffer.alloc(24),
    Buffer.from(of.replaceAll(":", ""), "hex"),
  ]);
/** ARP as the router, behind a tag that says nothing but a priority. */
const tagged = (from: string, type: number) => {
  const untagged = arpFrame(from, { operation: "reply", senderIp: router }, router);
  return ethernet({
    from,
    type,
    payload: Buffer.concat([Buffer.from([0x20, 0]), untagged.subarray(12)]),
  });
};
const v6 = (from: string, payload: Buffer) => ethernet({ from, type: 0x86dd, payload });
const arpFrame = (from: string, changes: Partial<Arp>, own: string) =>
  ethernet({
    from,
    type: 0x0806,
    payload: arp({
      operation: "request",
      senderMac: from,
      senderIp: own,
      targetIp: neighbour,
      ...changes,
    }),
  });

/** What a guest with this MAC address and IPv4 address may not send, whether its address is managed or not. */
const forbidden = (mac: string, own: string): Record<string, Buffer> => ({
  "another MAC address": v4(other, {}, own),
  "ARP under another MAC address": arpFrame(mac, { senderMac: other }, own),
  "ARP as the router": arpFrame(mac, { operation: "reply", senderIp: router }, own),
  "ARP as the network's services": arpFrame(mac, { senderIp: "169.254.169.254" }, own),
  "IPv4 as the router": v4(mac, { from: router }, own),
  "IPv4 as the network's services": v4(mac, { from: "169.254.169.254" }, own),
  "a question for another's address": v4(mac, { data: bootp(other) }, own),
  "a question that does not come to whose it is": v4(mac, { data: Buffer.alloc(28) }, own),
  "a frame with the tag 0": tagged(mac, 0x8100),
  "a frame with the provider's tag 0": tagged(mac, 0x88a8),
  "a DHCP server's answer": v4(mac, { fromPort: 67, toPort: 68 }, own),
  "an IPv6 router's advertisement": v6(mac, advertisement("fe80::1")),
  "an advertisement behind a fragment's header": v6(
    mac,
    ipv6({
      from: "fe80::1",
      to: allNodes,
      next: 44,
      payload: Buffer.concat([
        Buffer.from([58, 0, 0, 1, 0, 0, 0, 1]),
        advertisement("fe80::1").subarray(40),
      ]),
    }),
  ),
  "an advertisement behind options": v6(
    mac,
    ipv6({
      from: "fe80::1",
      to: allNodes,
      next: 0,
      payload: Buffer.concat([
        Buffer.from([58, 0, 1, 4, 0, 0, 0, 0]),
        advertisement("fe80::1").subarray(40),
      ]),
    }),
  ),
  "an IPv6 redirect": v6(mac, icmpv6("fe80::1", allNodes, 137, Buffer.alloc(36))),
  "a DHCPv6 server's answer": v6(
    mac,
    ipv6({
      from: "fe80::1",
      to: allNodes,
      next: 17,
      payload: Buffer.from([2, 35, 2, 34, 0, 8, 0, 0]),
    }),
  ),
  "a frame of bridges among themselves": ethernet({
    from: mac,
    to: "01:80:c2:00:00:00",
    type: 0x0026,
    payload: Buffer.alloc(38),
  }),
});

const forbiddenIfManaged = (mac: string, own: string): Record<string, Buffer> => ({
  "ARP as a neighbour": arpFrame(mac, { operation: "reply", senderIp: neighbour }, own),
  "a look whether a neighbour's address is free": arpFrame(mac, { senderIp: "0.0.0.0" }, own),
  "IPv4 as a neighbour": v4(mac, { from: neighbour }, own),
  "IPv4 without an address, other than DHCP": v4(mac, { from: "0.0.0.0", toPort: 69 }, own),
  "IPv6 from outside its link": v6(mac, icmpv6("fd00::1", allNodes, 128, Buffer.alloc(4))),
  "a tagged frame": ethernet({
    from: mac,
    type: 0x8100,
    payload: Buffer.concat([
      Buffer.from([0, 5, 8, 0]),
      udp({ from: own, to: "255.255.255.255", fromPort: 1, toPort: 1 }),
    ]),
  }),
  "another protocol": ethernet({ from: mac, type: 0x88b5, payload: Buffer.alloc(46) }),
});

const allowed = (mac: string, own: string): Record<string, Buffer> => ({
  "ARP as itself": arpFrame(mac, {}, own),
  "ARP to tell its own address": arpFrame(mac, { operation: "reply", targetIp: own }, own),
  "a look whether its own address is free": arpFrame(
    mac,
    { senderIp: "0.0.0.0", targetIp: own },
    own,
  ),
  "IPv4 as itself": v4(mac, { fromPort: 5, toPort: 5 }, own),
  "a question for an address": v4(mac, { from: "0.0.0.0" }, own),
  "IPv6 inside its link": v6(mac, icmpv6("fe80::2", allNodes, 128, Buffer.alloc(4))),
  "a look whether its own IPv6 address is free": v6(
    mac,
    icmpv6("::", allNodes, 135, Buffer.alloc(20)),
  ),
});

describe("a guest with an address of ours", () => {
  const own = "10.20.1.10";
  const mac = "52:54:0a:14:01:0a";
  let nic: NicOperation;
  let guest: Guest;
  beforeAll(async () => {
    nic = await host.setNic(network, 10, { mac, ipv4Address: own });
    guest = await host.guest(nic);
  });

  const never = { ...forbidden(mac, own), ...forbiddenIfManaged(mac, own) };
  it.each(Object.keys(never))("may not send %s", async (name) => {
    expect(await passes(guest, nic, never[name]!)).toBe(false);
  });

  const always = allowed(mac, own);
  it.each(Object.keys(always))("may send %s", async (name) => {
    expect(await passes(guest, nic, always[name]!)).toBe(true);
  });

  it("may not ask for its address without end", async () => {
    const flood = Buffer.from("<flood>");
    const question = v4(mac, { from: "0.0.0.0", data: Buffer.concat([bootp(mac), flood]) }, own);
    const begin = performance.now();
    for (let turn = 0; turn < 10; turn++) {
      for (let more = 0; more < 50; more++) await guest.send(question);
      expect(await passes(guest, nic, arpFrame(mac, {}, own))).toBe(true);
    }
    const seconds = (performance.now() - begin) / 1000;
    const heard = witness.frames.filter((frame) => frame.includes(flood)).length;
    // Some at once, then five a second.
    expect(heard).toBeGreaterThan(0);
    expect(heard).toBeLessThanOrEqual(20 + Math.ceil(5 * seconds));
  });

  it("gets through again once it has its own addresses back", async () => {
    await guest.ip(`address add ${own}/24 dev eth0`, `address add ${neighbour}/24 dev eth0`);
    await expect.poll(() => guest.pings(router)).toBe(true);
    expect(await guest.pings(router, ["-I", neighbour])).toBe(false);
    await guest.ip(`link set eth0 address ${other}`);
    expect(await guest.pings(router)).toBe(false);
    await guest.ip(`link set eth0 address ${mac}`);
    await expect.poll(() => guest.pings(router)).toBe(true);
  });
});

describe("a guest with addresses of its own", () => {
  const own = "10.20.1.77";
  const mac = "52:54:0a:14:01:4d";
  let nic: NicOperation;
  let guest: Guest;
  beforeAll(async () => {
    const { ipv4Address: _none, ...unmanaged } = host.nic(network, 77, { mac });
    nic = unmanaged;
    await host.operations.setNic(nic, host.signal);
    guest = await host.guest(nic);
  });

  const never = forbidden(mac, own);
  it.each(Object.keys(never))("may not send %s", async (name) => {
    expect(await passes(guest, nic, never[name]!)).toBe(false);
  });

  const always = { ...allowed(mac, own), ...forbiddenIfManaged(mac, own) };
  it.each(Object.keys(always))("may send %s", async (name) => {
    expect(await passes(guest, nic, always[name]!)).toBe(true);
  });
});

it("sees the frames that it sends as they are meant", () => {
  const frame = ethernet({ from: other, type: 0x0806, payload: Buffer.alloc(0) });
  expect(frame.toString("hex")).toBe(`${broadcastMac}${other}0806`.replaceAll(":", ""));
});
