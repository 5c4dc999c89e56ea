/** Data sources: one object or many, found among those of several hosts. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { views } from "@lodge/provider/data-sources/kind-view.ts";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { attributes, provider } from "../harness/provider.ts";

let rack1: CoreAgent;
let rack2: CoreAgent;

/** A host with one object of each kind, and a second disk and VM. */
async function furnished(name: string): Promise<CoreAgent> {
  const agent = await CoreAgent.start({ name });
  const { world } = agent;
  await world.furnish();
  await world.put("disk", { name: "data", size: "2GiB" });
  await world.put("disk", { name: "archive", size: "1GiB" });
  await world.put("vm", world.vm("web", { disks: { data: { disk_id: world.id("disk data") } } }));
  await world.put("vm", world.vm("db", { power_state: "stopped" }));
  await world.quiet();
  return agent;
}

beforeEach(async () => {
  [rack1, rack2] = [await furnished("rack1"), await CoreAgent.start({ name: "rack2" })];
});
afterEach(() => Promise.all([rack1, rack2].map((agent) => agent[Symbol.asyncDispose]())));

const one = () => provider([rack1]);
const both = (block: object = {}) => provider([rack1, rack2], { block });
const read = async (core: Core, type: string, config: object) =>
  attributes({ state: await core.readDataSource(type, config) });
const lookedFor = async (core: Core, type: string, config: object) =>
  (await read(core, type, config))["ids"] as string[];

const names: Readonly<Record<KindName, string>> = {
  network: "lan",
  address_pool: "lan",
  image: "debian",
  disk: "data",
  vm: "web",
};

describe.each(views.map((view) => [view.type, view] as const))("%s", (type, { kind, many }) => {
  const name = names[kind];

  test("by its id and by its name, with all that its resource says of it", async () => {
    const id = rack1.world.id(`${kind} ${name}`);
    const found = await read(await one(), type, { id });
    expect(found).toMatchObject({ id, name, host: null });
    expect(await read(await one(), type, { name })).toEqual(found);
    expect(await read(await both(), type, { name, host: "rack1" })).toEqual({
      ...found,
      host: "rack1",
    });
    const resource = attributes(await (await one()).import(type, id));
    const shared = Object.entries(resource).filter(
      ([attribute, value]) => attribute in found && !isMapOfObjects(value),
    );
    expect(shared.length).toBeGreaterThan(4);
    expect(found).toMatchObject(Object.fromEntries(shared));
  });

  test("one that is not there is an error at what was said", async () => {
    const id = randomUUID();
    for (const [config, message] of [
      [{ id }, `with the id ${id}. (at id)`],
      [{ id, host: "rack2" }, `The host rack2 has no`],
      [{ name: "nobody" }, "with the name nobody. (at name)"],
      [{ name, host: "rack2" }, `with the name ${name}. (at name)`],
      [
        { name, host: "rack3" },
        "The provider's hosts has no rack3; it has rack1, rack2. (at host)",
      ],
    ] as const) {
      await expect(read(await both(), type, config)).rejects.toThrow(message);
    }
    await expect(read(await both({ default_host: "rack2" }), type, { name })).rejects.toThrow(
      "To look on another host, set host to its name.",
    );
  });

  test.each([[{}], [{ id: randomUUID(), name }]])(
    "neither or both is an error: %o",
    async (config) => {
      await expect(read(await one(), type, config)).rejects.toThrow(
        /Exactly one of id and name says which .* is meant/u,
      );
    },
  );

  test("a list of all, in the order of hosts and names, the same every time", async () => {
    const list = await read(await one(), `lodge_${many}`, {});
    const objects = list[many] as { id: string; name: string }[];
    expect(objects.map((object) => object.id)).toEqual(list["ids"]);
    expect(objects.map((object) => object.name)).toEqual(
      objects.map((object) => object.name).toSorted(),
    );
    expect(objects.find((object) => object.name === name)).toEqual(
      without(await read(await one(), type, { name }), "host"),
    );
    expect(await read(await both(), `lodge_${many}`, {})).toEqual(list);
    expect(await read(await both(), `lodge_${many}`, { host: "rack2" })).toMatchObject({
      ids: [],
      [many]: [],
    });
  });

  test("a list by the name", async () => {
    const id = rack1.world.id(`${kind} ${name}`);
    const core = await one();
    for (const config of [
      { name_prefix: name },
      { name_prefix: name.slice(0, 1), name_regex: `^${name}$` },
      { name_regex: name.slice(1), phase: kind === "vm" ? "running" : "ready" },
    ]) {
      expect(await lookedFor(core, `lodge_${many}`, config)).toContain(id);
    }
    for (const config of [
      { name_prefix: "zz" },
      { name_regex: `^${name}.$` },
      { phase: "deleting" },
    ]) {
      expect(await lookedFor(core, `lodge_${many}`, config)).toEqual([]);
    }
    await expect(lookedFor(core, `lodge_${many}`, { name_regex: "(" })).rejects.toThrow(
      "must be a regular expression such as ^web-[0-9]+$",
    );
  });

  test("is not claimed by those who only look", async () => {
    const core = await one();
    const { id } = await read(core, type, { name });
    await read(core, type, { id });
    await read(core, `lodge_${many}`, {});
    expect((await rack1.world.store.get(kind, id))?.claimed).toBe(false);
  });
});

function isMapOfObjects(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((element) => typeof element === "object" && element !== null);
}

function without(values: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => key !== name));
}

describe("a name", () => {
  beforeEach(async () => {
    await rack2.world.put("network", { name: "lan", subnets: { b: { cidr: "10.50.0.0/24" } } });
    await rack2.world.quiet();
  });

  test("that several hosts have is an error, unless a host or an id is given", async () => {
    await expect(read(await both(), "lodge_network", { name: "lan" })).rejects.toThrow(
      "Several hosts have a network with the name lan: rack1, rack2. Set host to the one that is meant, or give its id. (at name)",
    );
    for (const [core, config, host] of [
      [await both(), { name: "lan", host: "rack2" }, "rack2"],
      [await both({ default_host: "rack2" }), { name: "lan" }, "rack2"],
      [await both({ default_host: "rack2" }), { name: "lan", host: "rack1" }, "rack1"],
    ] as const) {
      expect(await read(core, "lodge_network", config)).toMatchObject({ hosts: [host] });
    }
    const { networks } = await read(await both(), "lodge_networks", {});
    expect(networks.map(({ hosts }: { hosts: string[] }) => hosts)).toEqual([["rack1"], ["rack2"]]);
  });

  test("that a dead host may have as well is no answer, but that of a host is", async () => {
    await rack2.hide();
    await expect(read(await both(), "lodge_network", { name: "lan" })).rejects.toThrow(
      /cannot be reached/u,
    );
    await expect(read(await both(), "lodge_networks", {})).rejects.toThrow(/cannot be reached/u);
    for (const config of [{ name: "lan", host: "rack1" }, { id: rack1.world.id("network lan") }]) {
      expect(await read(await both(), "lodge_network", config)).toMatchObject({ name: "lan" });
    }
    expect(await lookedFor(await both(), "lodge_networks", { host: "rack1" })).toHaveLength(1);
  });
});

test("a disk that was declared in a VM is found by its id, and by the VM that it belongs to", async () => {
  const { disk_status } = await read(await one(), "lodge_vm", { name: "db" });
  const id = disk_status[0].disk_id as string;
  const vm = rack1.world.id("vm db");
  expect(await read(await one(), "lodge_disk", { id })).toMatchObject({
    id,
    name: `${vm}/root`,
    owner_vm_id: vm,
  });
  expect(await lookedFor(await one(), "lodge_disks", { owner_vm_id: vm })).toEqual([id]);
});

describe("a search", () => {
  test.each([
    ["lodge_vms", { actual_power_state: "stopped" }, ["vm db"]],
    ["lodge_vms", { network_id: "network lan" }, ["vm db", "vm web"]],
    ["lodge_disks", { attached: false, name_regex: "^[a-z]+$" }, ["disk archive"]],
    ["lodge_disks", { attached_vm_id: "vm web" }, ["disk data"]],
    ["lodge_address_pools", { network_id: "network lan" }, ["address_pool lan"]],
    ["lodge_networks", { mode: "nat" }, ["network lan"]],
    ["lodge_images", { format: "raw" }, ["image debian"]],
    ["lodge_images", { format: "qcow2" }, []],
  ])("%s %o", async (type, wanted, found) => {
    const id = (value: unknown) =>
      typeof value === "string" && value.includes(" ") ? rack1.world.id(value) : value;
    const config = Object.fromEntries(
      Object.entries(wanted).map(([name, value]) => [name, id(value)]),
    );
    expect(await lookedFor(await one(), type, config)).toEqual(found.map(id));
  });

  test("of something that cannot be is an error at plan", async () => {
    await expect(lookedFor(await one(), "lodge_vms", { phase: "sleeping" })).rejects.toThrow(
      /\(at phase\)/u,
    );
  });

  test("costs one call for each host, however many search at the same time", async () => {
    const core = await both();
    await read(core, "lodge_host", { name: "rack1" });
    await lookedFor(core, "lodge_disks", {});
    rack1.counted();
    await Promise.all([
      lookedFor(core, "lodge_vms", {}),
      lookedFor(core, "lodge_vms", { name_prefix: "w" }),
      read(core, "lodge_vm", { name: "web", host: "rack1" }),
      read(core, "lodge_vm", { id: rack1.world.id("vm db") }),
    ]);
    expect(rack1.counted()).toEqual({ "VmService/List": 1 });
  });
});

describe("lodge_hosts", () => {
  test("has all hosts by name, and says which do not answer", async () => {
    await rack2.hide();
    const told = await read(await both(), "lodge_hosts", {});
    expect(told["names"]).toEqual(["rack1", "rack2"]);
    const [first, second] = told["hosts"];
    const { name, ...facts } = await read(await both(), "lodge_host", { name: "rack1" });
    expect(first).toEqual({ name, reachable: true, problem: null, ...facts });
    expect(second).toMatchObject({ name: "rack2", reachable: false, version: null, cpus: null });
    expect(second.problem).toMatch(/cannot be reached/u);
    for (const [config, expected] of [
      [{ reachable: true }, ["rack1"]],
      [{ reachable: false }, ["rack2"]],
      [{ capability: "uefi" }, facts["capabilities"].some(isUefi) ? ["rack1"] : []],
      [{ capability: "levitation" }, []],
    ] as const) {
      expect((await read(await both(), "lodge_hosts", config))["names"]).toEqual(expected);
    }
  });

  test("does not take a stranger for a host that is away", async () => {
    const strange = await provider([rack1, { name: "rack9", endpoint: rack2.endpoint }]);
    await expect(read(strange, "lodge_hosts", {})).rejects.toThrow(
      "is for another host than rack9",
    );
  });
});

const isUefi = ({ name, available }: { name: string; available: boolean }): boolean =>
  name === "uefi" && available;
