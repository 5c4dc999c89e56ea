import { deepEqual } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { FakeNetworks } from "../../agent/src/core/port/networks.fake.ts";
import type {
  Acknowledgement,
  NetworkConfig,
  Networks,
  NicConfig,
} from "../../agent/src/core/port/networks.ts";
import { HostNetworks } from "../../agent/src/driver/net/networks.ts";
import { createNetworkOperations } from "../../agent/src/host-ops/network-operations.ts";
import { exec } from "../../agent/src/lib/exec.ts";
import { links, paths, type Layout } from "../../agent/src/lib/layout.ts";
import { Guest } from "../harness/guest.ts";
import { assertInside } from "../harness/namespace.ts";

/** Networks and what the world around them does. */
interface World extends AsyncDisposable {
  readonly networks: Networks;
  /** The agent dies and another takes its place. */
  restart(): Networks;
  /** The guest boots and asks for its address. @returns the one it got. */
  boot(nic: NicConfig): Promise<string | undefined>;
  /** The guest that has booted sends back what it is sent, on a port. */
  echo(nic: NicConfig, port: number): Promise<void>;
  /** Someone makes a link under the name of the network's bridge. */
  takeBridge(networkId: string): Promise<void>;
  freeBridge(networkId: string): Promise<void>;
  endServices(networkId: string): Promise<void>;
}

function fakeWorld(): World {
  const networks = new FakeNetworks();
  return {
    networks,
    restart: () => networks,
    boot: async ({ vmId, nic, ipv4Address }) =>
      networks.boot(vmId, nic) ? ipv4Address : undefined,
    echo: async ({ networkId, ipv4Address }, port) => {
      networks.serve(networkId, ipv4Address!, port, (connection) => connection.pipe(connection));
    },
    takeBridge: async (networkId) => {
      networks.foreignBridges.add(networkId);
    },
    freeBridge: async (networkId) => {
      networks.foreignBridges.delete(networkId);
    },
    endServices: async (networkId) => networks.break(networkId),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function realWorld(): World {
  assertInside();
  const layout: Layout = { stateDir: "/run/state", runDir: "/run/lodge" };
  const open = () => new HostNetworks(createNetworkOperations(layout), layout);
  let networks = open();
  const guests = new Map<string, Guest>();
  return {
    get networks() {
      return networks;
    },
    restart: () => {
      networks[Symbol.dispose]();
      return (networks = open());
    },
    boot: async ({ vmId, nic, mac }) => {
      const tap = links.tap(vmId, nic);
      const guest = guests.get(tap) ?? (await Guest.plug(tap, mac));
      guests.set(tap, guest);
      return (await guest.dhcp())?.["ip"];
    },
    echo: async ({ vmId, nic }, port) => {
      const guest = guests.get(links.tap(vmId, nic))!;
      await guest.listen(port, "cat");
    },
    takeBridge: async (networkId) => {
      await exec("ip", ["link", "add", "name", links.bridge(networkId), "type", "bridge"]);
    },
    freeBridge: async (networkId) => {
      await exec("ip", ["link", "delete", "dev", links.bridge(networkId)]);
    },
    endServices: async (networkId) => {
      const { stdout } = await exec("cat", [paths.dnsmasqPid(layout, networkId)]);
      process.kill(Number(stdout), "SIGKILL");
    },
    [Symbol.asyncDispose]: async () => {
      for (const guest of guests.values()) await guest[Symbol.asyncDispose]();
      networks[Symbol.dispose]();
    },
  };
}

const { signal } = new AbortController();

describe.each([
  ["fake", fakeWorld],
  ["real", realWorld],
])("networks, %s", (_name, makeWorld) => {
  let world: World;
  let nets = 0;
  const made = { networks: [] as NetworkConfig[], nics: [] as NicConfig[] };

  const network = (): NetworkConfig => {
    const third = ++nets;
    const config = {
      networkId: randomUUID(),
      subnets: [
        {
          name: "main",
          cidr: `10.20.${third}.0/24`,
          gateway: `10.20.${third}.1`,
          dnsServers: ["192.0.2.53"],
        },
      ],
    };
    made.networks.push(config);
    return config;
  };
  const interfaceOn = ({ networkId, subnets }: NetworkConfig, last: number): NicConfig => {
    const config = {
      vmId: randomUUID(),
      vmName: `web-${last}`,
      nic: "eth0",
      networkId,
      mac: `52:54:00:00:${nets.toString(16).padStart(2, "0")}:${last.toString(16).padStart(2, "0")}`,
      ipv4Address: subnets[0]!.gateway.replace(/\.1$/, `.${last}`),
    };
    made.nics.push(config);
    return config;
  };
  const begin = (): Networks => {
    world = makeWorld();
    return world.networks;
  };

  afterEach(async () => {
    const { networks } = world;
    for (const { vmId, nic } of made.nics.splice(0)) await networks.unplug(vmId, nic, signal);
    for (const { networkId } of made.networks.splice(0)) await networks.delete(networkId, signal);
    deepEqual(await networks.list(), []);
    deepEqual(await networks.listNics(), []);
    await world[Symbol.asyncDispose]();
  });

  it("lists what was set until it is deleted, and deletes what is not there", async () => {
    const networks = begin();
    const [one, two] = [network(), network()];
    await networks.set(one, signal);
    await networks.set(two, signal);
    await networks.set(one, signal);
    expect([...(await networks.list())].toSorted()).toEqual(
      [one.networkId, two.networkId].toSorted(),
    );
    await networks.delete(one.networkId, signal);
    expect(await networks.list()).toEqual([two.networkId]);
    await networks.delete(one.networkId, signal);
    await networks.delete(randomUUID(), signal);
  });

  it("names bridges that fit the kernel, and each network its own", async () => {
    const networks = begin();
    const names = Array.from({ length: 50 }, () => networks.bridge(randomUUID()));
    expect(new Set(names).size).toBe(50);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(15);
  });

  it("refuses a bridge's name that is taken, and takes it once it is free", async () => {
    const networks = begin();
    const config = network();
    await world.takeBridge(config.networkId);
    await expect(networks.set(config, signal)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "BRIDGE_TAKEN",
      objectName: networks.bridge(config.networkId),
    });
    expect(await networks.list()).toEqual([]);
    await world.freeBridge(config.networkId);
    await networks.set(config, signal);
    expect(await networks.list()).toEqual([config.networkId]);
  });

  it("lists interfaces until they are unplugged", async () => {
    const networks = begin();
    const config = network();
    await networks.set(config, signal);
    const [one, two] = [interfaceOn(config, 10), interfaceOn(config, 11)];
    await Promise.all([networks.plug(one, signal), networks.plug(two, signal)]);
    await networks.plug(one, signal);
    const ids = async () => (await networks.listNics()).map(({ vmId }) => vmId).toSorted();
    expect(await ids()).toEqual([one.vmId, two.vmId].toSorted());
    await networks.unplug(one.vmId, one.nic, signal);
    await networks.unplug(one.vmId, one.nic, signal);
    expect(await ids()).toEqual([two.vmId]);
  });

  it("refuses an interface of a network that was never set", async () => {
    const networks = begin();
    await expect(networks.plug(interfaceOn(network(), 10), signal)).rejects.toMatchObject({
      reason: "REFERENCE_NOT_FOUND",
    });
  });

  it("tells each boot of a guest, to this agent and the next", async () => {
    const networks = begin();
    const config = network();
    await networks.set(config, signal);
    const nic = interfaceOn(config, 10);
    await networks.plug(nic, signal);
    expect(await networks.acknowledgements(config.networkId)).toEqual([]);

    const heard: Acknowledgement[] = [];
    const end = networks.onAcknowledgement((acknowledgement) => heard.push(acknowledgement));
    const before = Math.floor(Date.now() / 1000) * 1000;
    expect(await world.boot(nic)).toBe(nic.ipv4Address);
    await expect.poll(() => heard.length).toBe(1);
    const { networkId, mac, ipv4Address } = nic;
    expect(heard[0]).toMatchObject({ networkId, mac, ipv4Address });
    expect(heard[0]!.at).toBeGreaterThanOrEqual(before);
    expect(heard[0]!.at).toBeLessThanOrEqual(Date.now());
    expect(await networks.acknowledgements(config.networkId)).toEqual(heard);

    // An acknowledgement is known to a second.
    await sleep(1_100);
    await world.boot(nic);
    await expect.poll(() => heard.length).toBe(2);
    expect(heard[1]!.at).toBeGreaterThan(heard[0]!.at);
    end();

    const next = world.restart();
    expect(await next.acknowledgements(config.networkId)).toEqual([heard[1]]);
  });

  it("gives no address to an interface that has none or is no longer plugged", async () => {
    const networks = begin();
    const config = network();
    await networks.set(config, signal);
    const { ipv4Address, ...nic } = interfaceOn(config, 10);
    expect(ipv4Address).toBeDefined();
    await networks.plug(nic, signal);
    expect(await world.boot(nic)).toBeUndefined();
  });

  it("tells that services ended, and mends them", async () => {
    const networks = begin();
    const config = network();
    const broken: string[] = [];
    const end = networks.onBroken((networkId) => broken.push(networkId));
    await networks.set(config, signal);
    const nic = interfaceOn(config, 10);
    await networks.plug(nic, signal);
    await world.endServices(config.networkId);
    await expect.poll(() => broken).toEqual([config.networkId]);
    await networks.set(config, signal);
    expect(await world.boot(nic)).toBe(nic.ipv4Address);
    expect(broken).toEqual([config.networkId]);
    end();
  });

  it("says nothing of services that it ends itself", async () => {
    const networks = begin();
    const broken: string[] = [];
    networks.onBroken((networkId) => broken.push(networkId));
    const config = network();
    await networks.set(config, signal);
    const [subnet] = config.subnets;
    await networks.set({ ...config, subnets: [{ ...subnet!, dnsServers: [] }] }, signal);
    await networks.delete(config.networkId, signal);
    const other = network();
    await networks.set(other, signal);
    await world.endServices(other.networkId);
    await expect.poll(() => broken).toEqual([other.networkId]);
  });

  it("connects to a guest's port, and says where nothing listens", async () => {
    const networks = begin();
    const config = network();
    await networks.set(config, signal);
    const nic = interfaceOn(config, 10);
    await networks.plug(nic, signal);
    await world.boot(nic);
    await expect(
      networks.connect(config.networkId, nic.ipv4Address!, 7, signal),
    ).rejects.toMatchObject({ code: "UNAVAILABLE", reason: "GUEST_UNREACHABLE" });
    await world.echo(nic, 7);
    const connection = await networks.connect(config.networkId, nic.ipv4Address!, 7, signal);
    connection.end("hello");
    expect(await text(connection)).toBe("hello");
  });

  it("does nothing for a caller that has gone", async () => {
    const networks = begin();
    const gone = AbortSignal.abort(new Error("gone"));
    await expect(networks.set(network(), gone)).rejects.toThrow("gone");
    expect(await networks.list()).toEqual([]);
  });
});
