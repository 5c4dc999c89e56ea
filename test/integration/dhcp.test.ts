import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../agent/src/lib/exec.ts";
import { links, macs, paths } from "../../agent/src/lib/layout.ts";
import { identify, signalProcess } from "../../agent/src/lib/process.ts";
import { ethernet, ip, mac, udp } from "../harness/frame.ts";
import { programName } from "../harness/program-name.ts";
import { TestHost } from "../harness/test-host.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

describe("a guest's address", () => {
  it("comes with its subnet's router and DNS servers, and the VM's name", async () => {
    const network = host.network(1, {
      subnets: [
        {
          name: "main",
          cidr: "10.20.1.0/24",
          gateway: "10.20.1.1",
          dnsServers: ["192.0.2.53", "192.0.2.54"],
        },
        { name: "wide", cidr: "10.64.0.0/10", gateway: "10.127.255.254", dnsServers: [] },
      ],
    });
    await host.operations.setNetwork(network, host.signal);
    const one = await host.guest(await host.setNic(network, 10));
    const told = await one.dhcp();
    expect(told).toMatchObject({
      ip: "10.20.1.10",
      mask: "24",
      router: "10.20.1.1",
      dns: "192.0.2.53 192.0.2.54",
      hostname: "web-10",
      serverid: "169.254.169.254",
      lease: "43200",
    });
    const two = await host.guest(
      await host.setNic(network, 20, { ipv4Address: "10.100.7.7", mac: "52:54:0a:64:07:07" }),
    );
    const other = await two.dhcp();
    expect(other).toMatchObject({ ip: "10.100.7.7", mask: "10", router: "10.127.255.254" });
    expect(other?.["dns"]).toBe("");
  });

  it("is that of the guest alone: who has no reservation gets none", async () => {
    const network = await host.setNetwork(1);
    const { ipv4Address: _none, ...nic } = host.nic(network, 10);
    await host.operations.setNic(nic, host.signal);
    const guest = await host.guest(nic);
    expect(await guest.dhcp()).toBeUndefined();
    await host.operations.setNic({ ...nic, ipv4Address: "10.20.1.10" }, host.signal);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
    await host.operations.setNic(nic, host.signal);
    expect(await guest.dhcp()).toBeUndefined();
  });

  it("is acknowledged anew at each boot", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    const [first] = host.leases(network.networkId);
    expect(Math.abs(first!.acknowledgedAt - Date.now())).toBeLessThan(60_000);
    await sleep(1_100);
    await guest.dhcp();
    const [next] = host.leases(network.networkId);
    expect(next!.acknowledgedAt).toBeGreaterThan(first!.acknowledgedAt);
    expect(next).toEqual({ ...first, acknowledgedAt: next!.acknowledgedAt });
  });

  it("goes to a guest that calls itself otherwise, as another system does on the same machine", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    expect(await guest.dhcp(["-C"])).toMatchObject({ ip: "10.20.1.10" });
    expect(await guest.dhcp(["-x", "0x3d:ff112233445566778899"])).toMatchObject({
      ip: "10.20.1.10",
    });
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
  });

  it("stays leased to its guest when another calls itself by that one's identity", async () => {
    const network = await host.setNetwork(1);
    const victim = await host.setNic(network, 10);
    await using guest = await host.guest(victim);
    const identity = "0x3d:ff112233445566778899";
    expect(await guest.dhcp(["-x", identity])).toMatchObject({ ip: "10.20.1.10" });
    const other = await host.guest(await host.setNic(network, 11));
    expect(await other.dhcp(["-x", identity])).toMatchObject({ ip: "10.20.1.11" });
    const addresses = host.leases(network.networkId).map(({ ipv4Address }) => ipv4Address);
    expect(addresses.toSorted()).toEqual(["10.20.1.10", "10.20.1.11"]);
  });

  it("goes to another MAC address once it is free, though its lease lasts", async () => {
    const network = await host.setNetwork(1);
    const before = await host.setNic(network, 10);
    const guest = await host.guest(before);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
    await guest[Symbol.asyncDispose]();
    await host.operations.deleteNic(before, host.signal);
    expect(host.leases(network.networkId).map((lease) => lease.mac)).toEqual([before.mac]);

    const bystander = await host.booted(network, 11);
    const after = await host.setNic(network, 10, { mac: "52:54:00:11:22:33" });
    const heir = await host.guest(after);
    expect(await heir.dhcp()).toMatchObject({ ip: "10.20.1.10" });
    expect(
      host
        .leases(network.networkId)
        .map((lease) => lease.mac)
        .toSorted(),
    ).toEqual([after.mac, "52:54:0a:14:01:0b"].toSorted());
    expect(await bystander.dhcp()).toMatchObject({ ip: "10.20.1.11" });
  });

  it("follows its reservation to another one", async () => {
    const network = await host.setNetwork(1);
    const nic = await host.setNic(network, 10);
    const guest = await host.guest(nic);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
    await host.operations.setNic({ ...nic, ipv4Address: "10.20.1.20" }, host.signal);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.20" });
    await expect.poll(() => guest.pings("10.20.1.1")).toBe(true);
  });

  it("stays when dnsmasq is killed and started anew", async () => {
    const network = await host.setNetwork(1);
    const { networkId } = network;
    const guest = await host.booted(network, 10);
    const pid = host.dnsmasqPid(networkId);
    await host.killDnsmasq(networkId);
    expect(await guest.dhcp()).toBeUndefined();
    const [lease] = host.leases(networkId);
    await host.operations.setNetwork(network, host.signal);
    expect(host.dnsmasqRuns(networkId)).toBe(true);
    expect(host.dnsmasqPid(networkId)).not.toBe(pid);
    expect(host.leases(networkId)).toEqual([lease]);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
  });

  it("is renewed through the router, at an address that is nobody's neighbour", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    // Long enough for the next acknowledgement to be told from this one.
    await sleep(1_100);
    const [first] = host.leases(network.networkId);
    const client = spawn(
      "nsenter",
      [
        `--net=/run/netns/${guest.namespace}`,
        ..."busybox udhcpc -i eth0 -f -t 4 -T 1 -s".split(" "),
        `/run/udhcpc-${guest.namespace}`,
      ],
      { stdio: "ignore" },
    );
    try {
      const acknowledged = () => host.leases(network.networkId)[0]!.acknowledgedAt;
      await expect.poll(acknowledged).toBeGreaterThan(first!.acknowledgedAt);
      const bound = acknowledged();
      await expect.poll(async () => (await guest.run("ip", ["route"])).stdout).toContain("default");
      await sleep(1_100);
      guest.frames.length = 0;
      client.kill("SIGUSR1");
      await expect.poll(acknowledged).toBeGreaterThan(bound);
      const askedOf = () =>
        guest.frames
          .filter((frame) => frame.includes(ports(68, 67)))
          .map((frame) => frame.toString("hex", 0, 6));
      // What passes the interface is seen a little later, and twice where the answer takes a second.
      await expect.poll(askedOf).not.toEqual([]);
      expect(new Set(askedOf())).toEqual(
        new Set([mac(macs.bridge(network.networkId)).toString("hex")]),
      );
    } finally {
      client.kill("SIGKILL");
      await once(client, "exit");
    }
  });

  it("comes after a lease file was cut off", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    const path = paths.leases(host.layout, network.networkId);
    await host.killDnsmasq(network.networkId);
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 20));
    await host.operations.setNetwork(network, host.signal);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
  });

  it("reaches guests that ask at once", async () => {
    const network = await host.setNetwork(1);
    const nics = Array.from({ length: 5 }, (_, index) => host.nic(network, 10 + index));
    await Promise.all(nics.map((nic) => host.operations.setNic(nic, host.signal)));
    const guests = await Promise.all(nics.map((nic) => host.guest(nic)));
    const told = await Promise.all(guests.map((guest) => guest.dhcp()));
    expect(told.map((answer) => answer?.["ip"])).toEqual(
      nics.map(({ ipv4Address }) => ipv4Address),
    );
  });
});

it("cannot fill the host's memory with complaints about a guest", async () => {
  const network = await host.setNetwork(1);
  const nic = await host.setNic(network, 10);
  const guest = await host.guest(nic);
  const { networkId } = network;
  const log = paths.dnsmasqLog(host.layout, networkId);
  const old = paths.dnsmasqOldLog(host.layout, networkId);
  const complaints = (): number =>
    [log, old].flatMap((path) =>
      existsSync(path) ? (readFileSync(path, "latin1").match(/unknown lease/g) ?? []) : [],
    ).length;
  const size = (path: string): number => (existsSync(path) ? statSync(path).size : 0);
  await guest.send(release(nic.mac, "10.20.1.10"));
  await expect.poll(complaints).toBeGreaterThan(0);
  // The guard lets so few through that it would take minutes.
  await exec("nft", ["delete", "table", "netdev", links.guard(nic.vmId, nic.nic)]);
  // More than two files hold, in pieces that no buffer on the way is too small for.
  for (let round = 0; round < 60; round++) {
    for (let count = 0; count < 50; count++) await guest.send(release(nic.mac, "10.20.1.10"));
    await sleep(20);
  }
  await expect.poll(() => size(old)).toBeGreaterThan(0);
  expect(size(log) + size(old)).toBeLessThanOrEqual(128 * 1024);
  expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
});

it("is served also when what kept the complaints has died", async () => {
  const network = await host.setNetwork(1);
  const nic = await host.setNic(network, 10);
  const guest = await host.guest(nic);
  const pipe = paths.dnsmasqLogPipe(host.layout, network.networkId);
  const dnsmasq = host.dnsmasqPid(network.networkId);
  const keepers = () => holdersOf(pipe).filter((pid) => pid !== dnsmasq);
  const writers = () => keepers().filter((pid) => programName(pid) === "head");
  await expect.poll(() => writers().length).toBe(1);
  const [writer] = writers();
  process.kill(writer!, "SIGKILL");
  await expect.poll(writers).toEqual([expect.not.toBeOneOf([writer])]);
  await guest.send(release(nic.mac, "10.20.1.10"));
  const log = paths.dnsmasqLog(host.layout, network.networkId);
  await expect.poll(() => readFileSync(log, "latin1")).toMatch(/unknown lease/);
  const found = keepers().map(identify);
  for (const keeper of found) if (keeper) signalProcess(keeper, "SIGKILL");
  await expect.poll(() => holdersOf(pipe)).toEqual([dnsmasq]);
  for (let count = 0; count < 10; count++) await guest.send(release(nic.mac, "10.20.1.10"));
  expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
});

it("is served by a program that can do little else", async () => {
  const network = await host.setNetwork(1);
  const status = readFileSync(`/proc/${host.dnsmasqPid(network.networkId)}/status`, "utf8");
  // CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW
  const allowed = (1n << 10n) | (1n << 12n) | (1n << 13n);
  for (const set of ["CapPrm", "CapEff", "CapBnd"]) {
    const [, mask] = new RegExp(`^${set}:\\s+(\\w+)$`, "m").exec(status)!;
    expect(BigInt(`0x${mask}`) & ~allowed).toBe(0n);
  }
  expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
});

it("gives no DNS, and listens for nothing but DHCP", async () => {
  const network = await host.setNetwork(1);
  const inside = ["--target", String(host.dnsmasqPid(network.networkId)), "--net", "--"];
  const { stdout } = await exec("nsenter", [
    ...inside,
    "cat",
    "/proc/self/net/udp",
    "/proc/self/net/tcp",
  ]);
  const open = [...stdout.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)].map(([, port]) =>
    parseInt(port!, 16),
  );
  expect(open).toEqual([67]);
});

/** The processes that have the pipe open, to read or to write. */
function holdersOf(pipe: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const open = readdirSync(`/proc/${pid}/fd`);
        return open.some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === pipe);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** A guest gives an address back that it never had. */
function release(of: string, address: string): Buffer {
  const head = Buffer.alloc(236);
  Buffer.from([1, 1, 6, 0, 1, 2, 3, 4]).copy(head);
  ip(address).copy(head, 12);
  mac(of).copy(head, 28);
  const server = ip("169.254.169.254");
  const options = [Buffer.from("638253633501073604", "hex"), server, Buffer.from([255])];
  const data = Buffer.concat([head, ...options]);
  const addressed = { from: address, to: "169.254.169.254", fromPort: 68, toPort: 67 };
  return ethernet({ from: of, type: 0x0800, payload: udp({ ...addressed, data }) });
}

function ports(from: number, to: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt16BE(from);
  buffer.writeUInt16BE(to, 2);
  return buffer;
}
