import { kinds, type SpecInputOf } from "@lodge/schemas/spec/kind.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { World } from "../testing/world.ts";

let world: World;
beforeEach(async () => {
  world = new World({ memoryBytes: 2 ** 30 });
  await world.begin();
  await world.furnish();
  await world.put("disk", { name: "data", size: "1GiB" });
  await world.put("vm", world.vm("first", { disks: { data: { disk_id: world.id("disk data") } } }));
  await world.put("network", { name: "dmz", subnets: { main: { cidr: "10.30.0.0/24" } } });
  await world.quiet();
});
afterEach(() => world.core.close());

type Members = Partial<SpecInputOf<"vm">>;
const id = (word: string) => world.id(word);
const nic = (members: object = {}) => ({
  nics: {
    eth0: { network_id: id("network lan"), ipv4_pool_id: id("address_pool lan"), ...members },
  },
});

const told = async (name: string, members: Members) => {
  const spec = kinds.vm.spec.parse(world.vm(name, members));
  const request = { id: id(`vm ${name}`), spec };
  const refusals = await world.core.services.vm.validate(request, world.principal);
  return refusals.map(({ reason, path }) => `${reason} ${path.join(".")}`);
};

describe("a VM is refused for", () => {
  test.each<[string, () => Members, string[]]>([
    ["nothing", () => ({}), []],
    ["more processors than the host has", () => ({ cpus: 5 }), ["CPUS_EXCEEDED cpus"]],
    ["more memory than the host has", () => ({ memory: "2GiB" }), ["MEMORY_EXCEEDED memory"]],
    ["memory that is promised to others", () => ({ memory: "1GiB" }), ["MEMORY_EXCEEDED memory"]],
    ["nothing where it does not run", () => ({ memory: "1GiB", power_state: "stopped" }), []],
    [
      "a network that is not there",
      () => ({ nics: { eth0: { network_id: id("none") } } }),
      ["REFERENCE_NOT_FOUND nics.eth0.network_id"],
    ],
    [
      "a pool that is not there",
      () => nic({ ipv4_pool_id: id("none") }),
      ["REFERENCE_NOT_FOUND nics.eth0.ipv4_pool_id"],
    ],
    [
      "a pool of another network",
      () => nic({ network_id: id("network dmz") }),
      ["SPEC_INVALID nics.eth0.ipv4_pool_id"],
    ],
    [
      "an address outside its pool",
      () => nic({ ipv4_address: "10.20.0.99" }),
      ["ADDRESS_OUTSIDE_POOL nics.eth0.ipv4_address"],
    ],
    [
      "another VM's address",
      () => nic({ ipv4_address: "10.20.0.10" }),
      ["ADDRESS_TAKEN nics.eth0.ipv4_address"],
    ],
    [
      "another VM's MAC address",
      () => nic({ mac: "52:54:0a:14:00:0a" }),
      ["MAC_TAKEN nics.eth0.mac"],
    ],
    [
      "an image that is not there",
      () => ({ disks: { root: { image_id: id("none") } } }),
      ["REFERENCE_NOT_FOUND disks.root.image_id"],
    ],
    [
      "a disk that is not there",
      () => ({ disks: { root: { disk_id: id("none") } } }),
      ["REFERENCE_NOT_FOUND disks.root.disk_id"],
    ],
    [
      "another VM's disk",
      () => ({ disks: { root: { disk_id: id("disk data") } } }),
      ["DISK_ATTACHED disks.root.disk_id"],
    ],
    [
      "a kernel that is not there",
      () => ({ kernel: { image_id: id("none"), initrd_image_id: id("nor this") } }),
      ["REFERENCE_NOT_FOUND kernel.image_id", "REFERENCE_NOT_FOUND kernel.initrd_image_id"],
    ],
    ["a taken name", () => ({ name: "first" }), ["NAME_TAKEN name"]],
    [
      "everything at once",
      () => ({ cpus: 5, memory: "2GiB", disks: {}, nics: { eth0: { network_id: id("none") } } }),
      ["CPUS_EXCEEDED cpus", "MEMORY_EXCEEDED memory", "REFERENCE_NOT_FOUND nics.eth0.network_id"],
    ],
  ])("%s", async (_, members, expected) => {
    const { name = "web", ...rest } = members();
    const spec = kinds.vm.spec.parse({ ...world.vm("web", rest), name });
    const request = { id: id("vm web"), spec };
    const before = await world.store.list("vm");
    const refusals = await world.core.services.vm.validate(request, world.principal);
    expect(refusals.map(({ reason, path }) => `${reason} ${path.join(".")}`)).toEqual(expected);
    expect(refusals.every(({ message, remedy }) => message !== "" && remedy !== undefined)).toBe(
      true,
    );
    expect(await world.store.list("vm")).toEqual(before);
    const put = await world.core.services.vm.put(request, world.principal).then(
      () => [],
      (error: { reason: string }) => [error.reason],
    );
    expect(put).toEqual(expected.slice(0, 1).map((words) => words.split(" ")[0]));
  });

  test("firmware that is not installed", async () => {
    await world.core.close();
    const bare = new World();
    bare.hypervisor.capabilities = async () => ({
      qemuVersion: "7.2.0",
      machineType: "pc-q35-7.2",
      accelerator: "tcg",
      acceleratorReason: "",
      uefi: { available: false, reason: "OVMF is not installed" },
    });
    world = bare;
    await world.begin();
    await world.furnish();
    expect(await told("web", { firmware: "uefi" })).toEqual(["FIRMWARE_MISSING firmware"]);
    const kernel = { image_id: id("image debian") };
    expect(await told("web", { firmware: "uefi", kernel })).toEqual([]);
  });

  test("a disk smaller than its image, or than it is", async () => {
    world.images.hostFiles.set("/images/big", Buffer.alloc(3 * 2 ** 20));
    await world.put("image", { name: "big", host_path: "/images/big" });
    await world.quiet();
    const disks = (size: string) => ({ disks: { root: { image_id: id("image big"), size } } });
    expect(await told("web", disks("2MiB"))).toEqual(["SHRINK disks.root.size"]);
    await world.put("vm", world.vm("web", disks("4MiB")));
    await world.quiet();
    await expect(world.put("vm", world.vm("web", disks("3MiB")))).rejects.toMatchObject({
      reason: "SHRINK",
      violations: [{ path: "spec.disks.root.size" }],
    });
  });

  test("an address that still cools down, and says how long", async () => {
    await world.delete("vm", "first");
    await world.pass(20_000);
    const request = {
      id: id("vm web"),
      spec: kinds.vm.spec.parse(world.vm("web", nic({ ipv4_address: "10.20.0.10" }))),
    };
    const [refusal] = await world.core.services.vm.validate(request, world.principal);
    expect(refusal).toMatchObject({
      reason: "ADDRESS_TAKEN",
      message: expect.stringMatching(/cools down in address pool lan .* for 40 seconds more/u),
      retryable: true,
    });
    await world.pass(40_000);
    expect(await world.core.services.vm.validate(request, world.principal)).toEqual([]);
  });
});

describe("addresses", () => {
  test("20 creates at once for 5 addresses: exactly 5 win, the others are told of the pool", async () => {
    await world.put("address_pool", {
      name: "tiny",
      network_id: id("network dmz"),
      subnet: "main",
      ranges: ["10.30.0.2-10.30.0.4", "10.30.0.9-10.30.0.10"],
    });
    const members = {
      memory: "96MiB",
      power_state: "stopped" as const,
      disks: {},
      nics: { eth0: { network_id: id("network dmz"), ipv4_pool_id: id("address_pool tiny") } },
    };
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => world.put("vm", world.vm(`vm${index}`, members))),
    );
    const won = results.filter((result) => result.status === "fulfilled");
    const given = won.map(({ value }) => value.status.nic_status[0]!.ipv4_address);
    const all = ["10.30.0.2", "10.30.0.3", "10.30.0.4", "10.30.0.9", "10.30.0.10"];
    expect([given.length, new Set(given)]).toEqual([5, new Set(all)]);
    const lost = results.filter((result) => result.status === "rejected");
    expect(lost).toHaveLength(15);
    for (const { reason } of lost) {
      expect(reason).toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        reason: "POOL_EXHAUSTED",
        kind: "address_pool",
        id: id("address_pool tiny"),
        objectName: "tiny",
        message: expect.stringContaining("5 in use, 0 cooling down"),
      });
    }
    expect(
      (await world.core.services.address_pool.get({ name: "tiny" }, false)).status,
    ).toMatchObject({
      size: 5,
      used: 5,
      cooling: 0,
    });
  });

  test("the lowest free one is given, a kept one is kept, and the MAC with it", async () => {
    const address = (record: {
      status: { nic_status: readonly { ipv4_address: string | null; mac: string }[] };
    }) => record.status.nic_status.map(({ ipv4_address, mac }) => `${ipv4_address} ${mac}`);
    expect(address(await world.put("vm", world.vm("web")))).toEqual([
      "10.20.0.11 52:54:0a:14:00:0b",
    ]);
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.quiet();
    const wish = { power_state: "stopped" as const, ...nic({ ipv4_address: "10.20.0.19" }) };
    await world.put("vm", world.vm("web", wish));
    await world.quiet();
    expect(address((await world.get("vm", "web"))!)).toEqual(["10.20.0.19 52:54:0a:14:00:0b"]);
    // Its old address has another owner, whose MAC cannot be derived from it any more.
    await world.pass(61_000);
    expect(address(await world.put("vm", world.vm("next")))).toEqual([
      expect.stringMatching(/^10\.20\.0\.11 56:54:/),
    ]);
  });

  test("an interface without a pool has a MAC of its own and no address", async () => {
    const { status } = await world.put(
      "vm",
      world.vm("web", { nics: { raw: { network_id: id("network lan") } } }),
    );
    expect(status.nic_status).toMatchObject([
      { name: "raw", ipv4_address: null, mac: expect.stringMatching(/^56:54:/) },
    ]);
  });

  test("whoever asks for a certain address has it before another interface keeps it", async () => {
    const lan = { network_id: id("network lan"), ipv4_pool_id: id("address_pool lan") };
    const stopped = { power_state: "stopped" as const };
    await world.put("vm", world.vm("web", { ...stopped, nics: { b: { ...lan } } }));
    await world.put(
      "vm",
      world.vm("web", { ...stopped, nics: { a: { ...lan, ipv4_address: "10.20.0.11" }, b: lan } }),
    );
    await world.quiet();
    expect((await world.get("vm", "web"))!.status.nic_status).toMatchObject([
      { name: "a", ipv4_address: "10.20.0.11" },
      { name: "b", ipv4_address: "10.20.0.12" },
    ]);
  });
});

test("memory is promised once: of 20 creates at once only those that fit are accepted", async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      world.put("vm", world.vm(`vm${index}`, { nics: {}, disks: {} })),
    ),
  );
  // 1 GiB, of which 128 MiB are the first VM's.
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(7);
  await world.quiet();
  await world.delete("vm", "vm0");
  await world.quiet();
  await world.put("vm", world.vm("again", { nics: {}, disks: {} }));
});
