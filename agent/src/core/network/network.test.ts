import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type SpecInputOf } from "@lodge/schemas/spec/kind.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { World } from "../testing/world.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
  await world.furnish();
});
afterEach(() => world.core.close());

const lan = () => world.id("network lan");
const sets = () => world.networks.faults.calls.filter((call) => call === "set").length;
const host = () => world.networks.networks.get(lan());
const phase = async () => (await world.get("network", "lan"))?.status.phase;
const subnets = (more: SpecInputOf<"network">["subnets"] = {}) => ({
  name: "lan",
  subnets: { main: { cidr: "10.20.0.0/24" }, ...more },
});

describe("a network", () => {
  test("is set up with its subnets, the gateway the first address where none is given", async () => {
    await world.put(
      "network",
      subnets({ b: { cidr: "10.21.0.0/30", gateway: "10.21.0.2", dns_servers: ["1.1.1.1"] } }),
    );
    await world.quiet();
    expect(host()!.config.subnets).toEqual([
      { name: "b", cidr: "10.21.0.0/30", gateway: "10.21.0.2", dnsServers: ["1.1.1.1"] },
      { name: "main", cidr: "10.20.0.0/24", gateway: "10.20.0.1", dnsServers: [] },
    ]);
    const record = (await world.get("network", "lan"))!;
    expect([record.status.phase, record.observedRevision]).toEqual(["ready", 2]);
    expect(record.status.bridge).toBe(world.networks.bridge(lan()));
  });

  test("tells its guests the host's DNS server, unless it names its own", async () => {
    await world.core.close();
    world = new World({ dnsServers: ["192.0.2.53"] });
    await world.begin();
    await world.put("network", subnets({ b: { cidr: "10.21.0.0/30", dns_servers: ["1.1.1.1"] } }));
    await world.quiet();
    const servers = host()!.config.subnets.map(({ name, dnsServers }) => [name, dnsServers]);
    expect(servers).toEqual([
      ["b", ["1.1.1.1"]],
      ["main", ["192.0.2.53"]],
    ]);
  });

  test("that cannot be set up says why, and is tried again", async () => {
    world.networks.foreignBridges.add(world.id("network dmz"));
    await world.put("network", { name: "dmz", subnets: { main: { cidr: "10.30.0.0/24" } } });
    await world.quiet();
    expect((await world.get("network", "dmz"))!.status).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("exists and is not Lodge's"),
    });
    world.networks.foreignBridges.clear();
    await world.pass(5_000);
    expect((await world.get("network", "dmz"))!.status).toMatchObject({
      phase: "ready",
      message: "",
    });
  });

  test("is mended where its services end, and what is plugged into it is set up again", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const plugs = () => world.networks.faults.calls.filter((call) => call === "plug").length;
    const before = plugs();
    world.networks.break(lan());
    await world.quiet();
    expect(host()!.whole).toBe(true);
    expect([await phase(), plugs()]).toEqual(["ready", before + 1]);
    expect((await world.get("vm", "web"))!.status.boots).toBe(1);
  });

  test("that has vanished from the host is set up again by the next look", async () => {
    world.networks.networks.clear();
    await world.pass(60_000);
    expect([host()?.whole, await phase()]).toEqual([true, "ready"]);
  });

  test("that is set up while the host is looked at is not taken for one that has vanished", async () => {
    const [listed, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.networks.faults.hook = async (method, moment) => {
      if (method !== "list" || moment !== "after") return;
      listed.resolve();
      await goOn.promise;
    };
    const sweep = world.core.sweep();
    await listed.promise;
    const before = sets();
    await world.put("network", { name: "dmz", subnets: { main: { cidr: "10.30.0.0/24" } } });
    await world.quiet();
    expect((await world.get("network", "dmz"))!.status.phase).toBe("ready");
    goOn.resolve();
    await sweep;
    await world.quiet();
    expect(sets()).toBe(before + 1);
  });

  test("is all that a new agent waits for before it looks at the host", async () => {
    world.end();
    const goOn = Promise.withResolvers<void>();
    world.images.faults.hook = async (method) => {
      if (method === "copy") await goOn.promise;
    };
    world.networks.faults.hook = async (method, moment) => {
      if (method !== "set" || moment !== "before") return;
      world.networks.faults.hook = undefined;
      await world.put("image", { name: "big", host_path: "/images/kernel" });
    };
    let begun = false;
    const begins = world.begin().then(() => (begun = true));
    for (let turns = 0; turns < 100; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([begun, (await world.get("image", "big"))!.status.phase]).toEqual([true, "pending"]);
    goOn.resolve();
    await begins;
  });

  test("is set again by a new agent, and then left alone", async () => {
    const before = sets();
    world.end();
    await world.begin();
    await world.pass(300_000);
    expect(sets()).toBe(before + 1);
  });

  test("goes, also where that fails at first", async () => {
    await world.delete("address_pool", "lan");
    world.networks.faults.failNext("delete", lodgeError("COMMAND_FAILED", "device busy"), "during");
    await world.delete("network", "lan");
    await world.quiet();
    expect((await world.get("network", "lan"))!.status).toMatchObject({
      phase: "deleting",
      message: expect.stringContaining("device busy"),
    });
    await world.pass(5_000);
    expect([await world.get("network", "lan"), host()]).toEqual([undefined, undefined]);
  });

  test("that is on the host without a record is removed", async () => {
    const { signal } = new AbortController();
    const stray = world.id("stray");
    await world.networks.set({ networkId: stray, subnets: [] }, signal);
    await world.pass(60_000);
    expect([...world.networks.networks.keys()]).toEqual([lan()]);
  });
});

describe("a network is refused for", () => {
  test.each<[string, SpecInputOf<"network">, string]>([
    [
      "a subnet of another network",
      { name: "dmz", subnets: { x: { cidr: "10.20.0.128/25" } } },
      "SUBNET_OVERLAP subnets.x.cidr",
    ],
    [
      "another's name",
      { name: "lan", subnets: { x: { cidr: "10.30.0.0/24" } } },
      "NAME_TAKEN name",
    ],
  ])("%s", async (_, spec, expected) => {
    const request = { id: world.id("network dmz"), spec: kinds.network.spec.parse(spec) };
    const refusals = await world.core.services.network.validate(request, world.principal);
    expect(refusals.map(({ reason, path }) => `${reason} ${path.join(".")}`)).toEqual([expected]);
  });

  test("taking away a subnet that a pool is in, or moving one", async () => {
    await world.put("network", subnets({ b: { cidr: "10.21.0.0/24" } }));
    await world.put("network", subnets());
    const other = { name: "lan", subnets: { b: { cidr: "10.21.0.0/24" } } };
    await expect(world.put("network", other)).rejects.toMatchObject({
      reason: "IN_USE",
      kind: "address_pool",
      objectName: "lan",
    });
    const moved = { name: "lan", subnets: { main: { cidr: "10.22.0.0/24" } } };
    await expect(world.put("network", moved)).rejects.toMatchObject({
      reason: "FIELD_IMMUTABLE",
      violations: [{ path: "spec.subnets.main.cidr" }],
    });
  });

  test("going while it is needed", async () => {
    await expect(world.delete("network", "lan")).rejects.toMatchObject({
      reason: "IN_USE",
      message: expect.stringContaining("address pool lan"),
    });
  });
});
