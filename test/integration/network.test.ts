import { existsSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../agent/src/lib/exec.ts";
import type { NetworkOperation } from "../../agent/src/lib/host-operations.ts";
import { links, macs, paths } from "../../agent/src/lib/layout.ts";
import { TestHost } from "../harness/test-host.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

const second = { name: "second", cidr: "10.21.0.0/16", gateway: "10.21.255.254", dnsServers: [] };

describe("setNetwork", () => {
  it("makes all of the network, and nothing when it is there", async () => {
    const network = host.network(1);
    await host.operations.setNetwork(network, host.signal);
    const made = await host.everything();
    expect(made["namespaces"]).toEqual([links.namespace(network.networkId)]);
    expect(host.dnsmasqRuns(network.networkId)).toBe(true);
    const record = statSync(paths.networkRecord(host.layout, network.networkId)).mtimeMs;
    await host.operations.setNetwork(network, host.signal);
    await host.operations.setNetwork(structuredClone(network), host.signal);
    expect(await host.everything()).toEqual(made);
    expect(statSync(paths.networkRecord(host.layout, network.networkId)).mtimeMs).toBe(record);
  });

  it("gives one result when called many times at once", async () => {
    const network = host.network(1);
    await Promise.all(
      Array.from({ length: 5 }, () => host.operations.setNetwork(network, host.signal)),
    );
    const made = await host.everything();
    expect((made["processes"] as string[]).length).toBe(1);
    await host.operations.setNetwork(network, host.signal);
    expect(await host.everything()).toEqual(made);
  });

  it("adds and removes subnets of a network that is in use", async () => {
    const network = await host.setNetwork(1);
    const guest = await host.booted(network, 10);
    const wider = { ...network, subnets: [...network.subnets, second] };
    await host.operations.setNetwork(wider, host.signal);
    await expect.poll(() => guest.pings("10.21.255.254")).toBe(true);
    expect(await addressesOf(network)).toEqual(["10.20.1.1/24", "10.21.255.254/16"]);

    await host.operations.setNetwork({ ...network, subnets: [second] }, host.signal);
    expect(await addressesOf(network)).toEqual(["10.21.255.254/16"]);
    await host.operations.setNetwork(network, host.signal);
    expect(await addressesOf(network)).toEqual(["10.20.1.1/24"]);
    expect(await guest.dhcp()).toMatchObject({ ip: "10.20.1.10" });
  });

  it("keeps the router's MAC address whatever is plugged into the bridge", async () => {
    const network = await host.setNetwork(1);
    // The kernel would take the lowest of the ports' addresses.
    await host.setNic(network, 10);
    const { stdout } = await exec("ip", ["link", "show", links.bridge(network.networkId)]);
    expect(stdout).toContain(macs.bridge(network.networkId));
  });

  describe("mends", () => {
    const breakages: Record<string, (network: NetworkOperation) => Promise<unknown>> = {
      "a bridge that is gone": ({ networkId }) => ip(`link delete ${links.bridge(networkId)}`),
      "a bridge that is down": ({ networkId }) => ip(`link set ${links.bridge(networkId)} down`),
      "a router's address that is gone": ({ networkId }) =>
        ip(`address flush dev ${links.bridge(networkId)}`),
      "an address too many": ({ networkId }) =>
        ip(`address add 10.99.0.1/24 dev ${links.bridge(networkId)}`),
      "a veth pair that is gone": ({ networkId }) => ip(`link delete ${links.veth(networkId)}`),
      "a veth that left its bridge": ({ networkId }) =>
        ip(`link set ${links.veth(networkId)} nomaster`),
      "a namespace that is gone": ({ networkId }) =>
        ip(`netns delete ${links.namespace(networkId)}`),
      "a name of a namespace without one": async ({ networkId }) => {
        await exec("umount", [`/run/netns/${links.namespace(networkId)}`]);
      },
      "the services' address that is gone": ({ networkId }) =>
        ip(`-netns ${links.namespace(networkId)} address flush dev eth0`),
      "a route to a subnet that is gone": ({ networkId }) =>
        ip(`-netns ${links.namespace(networkId)} route flush dev eth0`),
      "a table that is gone": ({ networkId }) =>
        exec("nft", ["delete", "table", "inet", links.table(networkId)]),
      "a rule that is gone": ({ networkId }) =>
        exec("nft", ["flush", "chain", "inet", links.table(networkId), "to_host"]),
      "a rule too many": ({ networkId }) =>
        exec("nft", ["insert", "rule", "inet", links.table(networkId), "to_host", "accept"]),
      "a dnsmasq that was killed": ({ networkId }) => host.killDnsmasq(networkId),
      "a dnsmasq without a record": async ({ networkId }) =>
        rmSync(paths.dnsmasqProcess(host.layout, networkId)),
    };

    it.each(Object.keys(breakages))("%s", async (name) => {
      const network = await host.setNetwork(1);
      const before = comparable(await host.everything());
      await breakages[name]!(network);
      await host.operations.setNetwork(network, host.signal);
      expect(comparable(await host.everything())).toEqual(before);
      const nic = await host.setNic(network, 10);
      const guest = await host.guest(nic);
      expect(await guest.dhcp()).toMatchObject({ ip: nic.ipv4Address });
      await expect.poll(() => guest.pings("10.20.1.1")).toBe(true);
      await expect.poll(() => guest.pings("169.254.169.254")).toBe(true);
    });
  });

  it("takes a bridge that it was kept from naming", async () => {
    const network = host.network(1);
    const { networkId } = network;
    await ip(`link add ${links.bridge(networkId)} address ${macs.bridge(networkId)} type bridge`);
    await host.operations.setNetwork(network, host.signal);
    expect(await host.operations.listNetworks()).toEqual([networkId]);
  });

  it.each([
    ["without a name", ""],
    ["of another network", "lodge:network:00000000-0000-0000-0000-000000000000"],
    ["of someone else", "my bridge"],
  ])("refuses a foreign bridge %s, and touches nothing", async (_name, alias) => {
    const network = host.network(1);
    const name = links.bridge(network.networkId);
    await ip(`link add ${name} type bridge`);
    if (alias !== "") await exec("ip", ["link", "set", name, "alias", alias]);
    const before = await host.everything();
    await expect(host.operations.setNetwork(network, host.signal)).rejects.toMatchObject({
      reason: "BRIDGE_TAKEN",
      objectName: name,
      message: expect.stringContaining(name),
      remedy: expect.stringContaining(`ip link delete ${name}`),
    });
    expect(await host.everything()).toEqual(before);
    await host.operations.deleteNetwork(network.networkId, host.signal);
    expect((await host.everything())["links"]).toEqual(before["links"]);
    await ip(`link delete ${name}`);
  });

  it.each([
    ["an id", { networkId: "../../etc" }],
    ["a subnet's name", { subnets: [{ ...second, name: "a\nuser=root" }] }],
    ["a CIDR", { subnets: [{ ...second, cidr: "10.0.0.1/24" }] }],
    ["a router's address", { subnets: [{ ...second, gateway: "10.22.0.1" }] }],
    ["a DNS server", { subnets: [{ ...second, dnsServers: ["1.1.1.1\n"] }] }],
    ["no subnet", { subnets: [] }],
  ])("refuses what is not %s", async (_name, changes) => {
    const network = { ...host.network(1), ...changes };
    await expect(host.operations.setNetwork(network, host.signal)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(existsSync(paths.networks(host.layout))).toBe(false);
  });
});

describe("deleteNetwork", () => {
  it("leaves nothing, and foreign rules as they were", async () => {
    const foreign = `
      table inet foreign {
        chain input {
          type filter hook input priority 0; policy accept;
          tcp dport 22 counter accept
        }
        chain postrouting {
          type nat hook postrouting priority 100;
          oifname "wan0" masquerade
        }
      }
      table bridge foreign {
        chain forward {
          type filter hook forward priority 0;
          ether saddr 02:00:00:00:00:01 drop
        }
      }
      `;
    await exec("nft", ["-f", "-"], { input: foreign });
    const before = await host.everything();
    const one = await host.setNetwork(1);
    const two = await host.setNetwork(2);
    const guest = await host.booted(one, 10);
    await guest.pings("10.20.1.1");
    expect(await foreignTables()).toBe(before["tables"]);
    for (const { networkId } of [one, two]) {
      await host.operations.deleteNetwork(networkId, host.signal);
    }
    await host[Symbol.asyncDispose]();
    expect(await host.everything()).toEqual(before);
    await exec("nft", ["-f", "-"], {
      input: "delete table inet foreign; delete table bridge foreign\n",
    });
  });

  it("is the same when repeated, and for a network that never was", async () => {
    const before = await host.everything();
    const { networkId } = await host.setNetwork(1);
    await Promise.all([
      host.operations.deleteNetwork(networkId, host.signal),
      host.operations.deleteNetwork(networkId, host.signal),
    ]);
    await host.operations.deleteNetwork(host.network(2).networkId, host.signal);
    expect(await host.everything()).toEqual(before);
  });

  it("ends a dnsmasq of which nobody has a record", async () => {
    const before = await host.everything();
    const { networkId } = await host.setNetwork(1);
    rmSync(paths.dnsmasqProcess(host.layout, networkId));
    await host.operations.deleteNetwork(networkId, host.signal);
    expect(await host.everything()).toEqual(before);
  });
});

const ip = (line: string) => exec("ip", line.split(" "));

async function addressesOf({ networkId }: NetworkOperation): Promise<string[]> {
  const { stdout } = await exec("ip", ["-json", "address", "show", links.bridge(networkId)]);
  const [link] = JSON.parse(stdout) as [{ addr_info: { local: string; prefixlen: number }[] }];
  return link.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).toSorted();
}

/** Without the tables of ours, which stand behind those that were there first. */
async function foreignTables(): Promise<string> {
  const all = await host.tables();
  return all
    .split(/(?=^table )/m)
    .filter((table) => !/^table \w+ lodge_/.test(table))
    .join("");
}

/** Without what the kernel numbers anew or sees to in its own time, and with the links in one order. */
function comparable(everything: Record<string, unknown>): unknown {
  const linksSeen = everything["links"] as { ifname: string; [key: string]: unknown }[];
  return {
    ...everything,
    links: linksSeen
      .map(({ ifname, ifalias, address, master, mtu, addr_info }) => {
        return { ifname, ifalias, address, master, mtu, addr_info };
      })
      .toSorted((a, b) => (a.ifname < b.ifname ? -1 : 1)),
    tables: String(everything["tables"]).replaceAll(/ # handle \d+/g, ""),
    processes: (everything["processes"] as string[]).map((line) => line.replace(/^\d+ /, "")),
  };
}
