import { existsSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../agent/src/lib/exec.ts";
import type { NetworkOperation } from "../../agent/src/lib/host-operations.ts";
import { links } from "../../agent/src/lib/layout.ts";
import { ip } from "../harness/frame.ts";
import type { Guest } from "../harness/guest.ts";
import { TestHost } from "../harness/test-host.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

/** Whether a TCP connection from the guest is accepted and answered. */
async function reaches(guest: Guest, address: string, port: number): Promise<boolean> {
  const client = `busybox nc -w 1 ${address} ${port}`.split(" ");
  const { stdout } = await guest.run(client[0]!, client.slice(1), {
    accept: [0, 1],
    input: "hello\n",
  });
  return stdout.includes("hello");
}

const deleteTable = ({ networkId }: NetworkOperation) =>
  exec("nft", ["delete", "table", "inet", links.table(networkId)]);

describe("between networks", () => {
  it("no guest reaches another network's, unless our table is gone", async () => {
    const [one, two] = [await host.setNetwork(1), await host.setNetwork(2)];
    const [guest, other] = [await host.booted(one, 10), await host.booted(two, 10)];
    await other.listen(7, "cat");
    expect(await guest.pings("10.20.2.10")).toBe(false);
    expect(await reaches(guest, "10.20.2.10", 7)).toBe(false);
    expect(await other.pings("10.20.1.10")).toBe(false);
    // The same without our tables, or nothing would have been shown.
    await deleteTable(one);
    expect(await reaches(guest, "10.20.2.10", 7)).toBe(false);
    await deleteTable(two);
    await expect.poll(() => reaches(guest, "10.20.2.10", 7)).toBe(true);
    await host.operations.setNetwork(two, host.signal);
    expect(await reaches(guest, "10.20.2.10", 7)).toBe(false);
  });

  it("guests of one network reach each other, also from subnet to subnet", async () => {
    const network = host.network(1, {
      subnets: [
        { name: "a", cidr: "10.20.1.0/24", gateway: "10.20.1.1", dnsServers: [] },
        { name: "b", cidr: "10.20.3.0/24", gateway: "10.20.3.1", dnsServers: [] },
      ],
    });
    await host.operations.setNetwork(network, host.signal);
    const guest = await host.booted(network, 10);
    const near = await host.booted(network, 11);
    const far = await host.guest(
      await host.setNic(network, 0, { ipv4Address: "10.20.3.10", mac: "52:54:00:00:03:10" }),
    );
    expect(await far.dhcp()).toMatchObject({ ip: "10.20.3.10", router: "10.20.3.1" });
    await near.listen(7, "cat");
    await far.listen(7, "cat");
    await expect.poll(() => reaches(guest, "10.20.1.11", 7)).toBe(true);
    await expect.poll(() => reaches(guest, "10.20.3.10", 7)).toBe(true);
    await expect.poll(() => far.pings("10.20.1.10")).toBe(true);
  });
});

describe("towards the host", () => {
  let server: Server;
  let port: number;
  beforeEach(async () => {
    server = createServer((socket) => socket.pipe(socket)).listen(0, "0.0.0.0");
    await once(server, "listening");
    port = (server.address() as { port: number }).port;
  });
  afterEach(() => {
    server.close();
  });

  it("a guest reaches no service under any of the host's addresses, only the echo", async () => {
    const [one, two] = [await host.setNetwork(1), await host.setNetwork(2)];
    const guest = await host.booted(one, 10);
    for (const address of ["10.20.1.1", "10.20.2.1"]) {
      expect(await reaches(guest, address, port)).toBe(false);
      await expect.poll(() => guest.pings(address)).toBe(true);
    }
    // The same without our table, or nothing would have been shown.
    await deleteTable(one);
    await expect.poll(() => reaches(guest, "10.20.1.1", port)).toBe(true);
    await expect.poll(() => reaches(guest, "10.20.2.1", port)).toBe(true);
    await host.operations.setNetwork(one, host.signal);
    expect(await reaches(guest, "10.20.1.1", port)).toBe(false);
    expect(two.networkId).not.toBe(one.networkId);
  });

  it("the host reaches a guest's service", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    await guest.listen(7, "cat");
    const { stdout } = await exec("busybox", ["nc", "-w", "2", "10.20.1.10", "7"], {
      input: "hello\n",
    });
    expect(stdout).toBe("hello\n");
  });
});

describe("towards the outside", () => {
  const outside = "outside";
  const run = (file: string, ...args: string[]) =>
    exec("nsenter", [`--net=/run/netns/${outside}`, "--", file, ...args]);
  beforeEach(async () => {
    const commands = [
      `netns add ${outside}`,
      `link add wan0 type veth peer name eth0 netns ${outside}`,
      "address add 203.0.113.1/24 dev wan0",
      "link set wan0 up",
    ];
    await exec("ip", ["-batch", "-"], { input: `${commands.join("\n")}\n` });
    await run("ip", "address", "add", "203.0.113.2/24", "dev", "eth0");
    await run("ip", "link", "set", "eth0", "up");
  });
  afterEach(async () => {
    await exec("ip", ["link", "delete", "wan0"]);
    await exec("ip", ["netns", "delete", outside]);
  });

  it("a guest gets out under the host's address", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    // The outside has no way back to the guest's own address.
    await expect.poll(() => guest.pings("203.0.113.2")).toBe(true);
    await deleteTable(network);
    expect(await guest.pings("203.0.113.2")).toBe(false);
  });

  it("nothing gets in unasked, unless our table is gone", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    await guest.listen(7, "cat");
    await run("ip", "route", "add", "10.20.1.0/24", "via", "203.0.113.1");
    const reached = async () =>
      (
        await exec(
          "nsenter",
          `--net=/run/netns/${outside} -- busybox nc -w 1 10.20.1.10 7`.split(" "),
          { accept: [0, 1], input: "hello\n" },
        )
      ).stdout.includes("hello");
    expect(await reached()).toBe(false);
    await deleteTable(network);
    await expect.poll(() => reached()).toBe(true);
  });

  it("a guest with another's address does not get out", async () => {
    const network = await host.setNetwork(1);
    const { ipv4Address: _none, ...nic } = host.nic(network, 77);
    await host.operations.setNic(nic, host.signal);
    const guest = await host.guest(nic);
    await guest.ip("address add 10.20.1.77/24 dev eth0", "route add default via 10.20.1.1");
    await expect.poll(() => guest.pings("203.0.113.2")).toBe(true);
    await guest.ip("address add 198.51.100.7/32 dev eth0");
    await run("ip", "route", "add", "198.51.100.7", "via", "203.0.113.1");
    await exec("ip", ["route", "add", "198.51.100.7", "dev", links.bridge(network.networkId)]);
    expect(await guest.pings("203.0.113.2", ["-I", "198.51.100.7"])).toBe(false);
    await deleteTable(network);
    await expect.poll(() => guest.pings("203.0.113.2", ["-I", "198.51.100.7"])).toBe(true);
  });
});

describe.each(["0", "1"])("with bridge-nf-call-iptables = %s", (value) => {
  const path = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  const before = "0";

  it("guests' packets reach each other and the services under their own addresses", async (context) => {
    if (!existsSync(path)) context.skip("this kernel has no bridge-nf");
    writeFileSync(path, value);
    try {
      const network = await host.setNetwork(1);
      const [guest, other] = [await host.booted(network, 10), await host.booted(network, 11)];
      other.frames.length = 0;
      await expect.poll(() => guest.pings("10.20.1.11")).toBe(true);
      await expect.poll(() => guest.pings("169.254.169.254")).toBe(true);
      const echoes = other.frames.filter((frame) => isEchoRequest(frame));
      expect(echoes.length).toBeGreaterThan(0);
      for (const frame of echoes) expect(frame.subarray(26, 30)).toEqual(ip("10.20.1.10"));
      expect(await sourcesSeenByServices(guest, network)).toEqual(["10.20.1.10"]);
    } finally {
      writeFileSync(path, before);
    }
  });
});

function isEchoRequest(frame: Buffer): boolean {
  return frame.readUInt16BE(12) === 0x0800 && frame[23] === 1 && frame[34] === 8;
}

/** The addresses under which the guest is known where the network's services are. */
async function sourcesSeenByServices(
  guest: Guest,
  { networkId }: NetworkOperation,
): Promise<string[]> {
  const inside = `--net=/run/netns/${links.namespace(networkId)} --`.split(" ");
  const table = `
    table inet seen {
      set sources { type ipv4_addr; flags dynamic; }
      chain input {
        type filter hook input priority 0;
        icmp type echo-request add @sources { ip saddr }
      }
    }
    `;
  await exec("nsenter", [...inside, "nft", "-f", "-"], { input: table });
  await guest.pings("169.254.169.254");
  const { stdout } = await exec("nsenter", [
    ...inside,
    "nft",
    "list",
    "set",
    "inet",
    "seen",
    "sources",
  ]);
  return [...stdout.matchAll(/(\d+\.\d+\.\d+\.\d+)/g)].map(([address]) => address);
}
