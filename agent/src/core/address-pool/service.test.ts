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

const pool = (members: Partial<SpecInputOf<"address_pool">> = {}): SpecInputOf<"address_pool"> => ({
  name: "lan",
  network_id: world.id("network lan"),
  subnet: "main",
  ranges: ["10.20.0.10-10.20.0.19"],
  ...members,
});
const status = async () =>
  (await world.core.services.address_pool.get({ name: "lan" }, false)).status;

describe("a pool is refused for", () => {
  test.each<[string, Partial<SpecInputOf<"address_pool">>, string[]]>([
    ["nothing", {}, []],
    [
      "a network that is not there",
      { network_id: "00000000-0000-4000-8000-000000000000" },
      ["REFERENCE_NOT_FOUND network_id"],
    ],
    ["a subnet that is not there", { subnet: "other" }, ["REFERENCE_NOT_FOUND subnet"]],
    [
      "addresses outside the subnet",
      { ranges: ["10.20.0.2", "10.21.0.1-10.21.0.9"] },
      ["SPEC_INVALID ranges.1"],
    ],
    ["the broadcast address", { ranges: ["10.20.0.250-10.20.0.255"] }, ["SPEC_INVALID ranges.0"]],
    ["the network's own address", { ranges: ["10.20.0.0"] }, ["SPEC_INVALID ranges.0"]],
    ["the gateway", { ranges: ["10.20.0.1-10.20.0.9"] }, ["SPEC_INVALID ranges.0"]],
  ])("%s", async (_, members, expected) => {
    const spec = kinds.address_pool.spec.parse(pool({ name: "new", ...members }));
    const request = { id: world.id("address_pool new"), spec };
    const refusals = await world.core.services.address_pool.validate(request, world.principal);
    expect(refusals.map(({ reason, path }) => `${reason} ${path.join(".")}`)).toEqual(expected);
  });
});

test("a pool counts what is used and what cools down", async () => {
  await world.put("vm", world.vm("a"));
  await world.put("vm", world.vm("b"));
  await world.quiet();
  expect(await status()).toEqual({ phase: "ready", message: "", size: 10, used: 2, cooling: 0 });
  await world.delete("vm", "a");
  await world.quiet();
  expect(await status()).toMatchObject({ used: 1, cooling: 1 });
  await world.pass(60_000);
  expect(await status()).toMatchObject({ used: 1, cooling: 0 });
});

test("a pool cannot lose an address that is in use, also by a guest that has another wish by now", async () => {
  await world.put("vm", world.vm("a"));
  await world.quiet();
  const shrunk = pool({ ranges: ["10.20.0.11-10.20.0.19"] });
  const refused = {
    reason: "IN_USE",
    kind: "vm",
    objectName: "a",
    message: expect.stringContaining("10.20.0.10 by VM a"),
  };
  await expect(world.put("address_pool", shrunk)).rejects.toMatchObject(refused);
  const nics = {
    eth0: {
      network_id: world.id("network lan"),
      ipv4_pool_id: world.id("address_pool lan"),
      ipv4_address: "10.20.0.15",
    },
  };
  await world.put("vm", world.vm("a", { nics }));
  await world.quiet();
  await expect(world.put("address_pool", shrunk)).rejects.toMatchObject(refused);
  world.hypervisor.guestResets(world.id("vm a"));
  await world.quiet();
  await world.put("address_pool", shrunk);
  expect(await status()).toMatchObject({ size: 9, used: 1 });
});

test("a changed cooldown holds for addresses that were given before", async () => {
  await world.put("vm", world.vm("a"));
  await world.quiet();
  await world.put("address_pool", pool({ cooldown: "5m" }));
  await world.delete("vm", "a");
  await world.quiet();
  expect(await world.store.claims("ipv4:")).toMatchObject([
    { freeAt: world.clock.now() + 300_000 },
  ]);
});

test("a pool that nobody needs goes at once", async () => {
  await world.delete("address_pool", "lan");
  expect(await world.get("address_pool", "lan")).toBeUndefined();
});
