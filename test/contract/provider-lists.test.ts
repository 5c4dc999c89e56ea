/** What `terraform query` finds, and the configurations that are written for it: with them nothing changes. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { views } from "@lodge/provider/data-sources/kind-view.ts";
import { plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { provider } from "../harness/provider.ts";

let rack1: CoreAgent;
let rack2: CoreAgent;
beforeEach(async () => {
  [rack1, rack2] = [await CoreAgent.start(), await CoreAgent.start({ name: "rack2" })];
  const { world } = rack1;
  await world.furnish();
  await world.put("disk", { name: "data", size: "2GiB" });
  await world.put("vm", world.vm("web", { disks: { data: { disk_id: world.id("disk data") } } }));
  await world.put("vm", world.vm("db", { power_state: "stopped", cpus: 2, boot_order: ["root"] }));
  await world.quiet();
  await rack2.world.put("disk", { name: "other", size: "1GiB" });
  await rack2.world.put("network", { name: "dmz", subnets: { b: { cidr: "10.50.0.0/24" } } });
  await rack2.world.quiet();
});
afterEach(() => Promise.all([rack1, rack2].map((agent) => agent[Symbol.asyncDispose]())));

const both = (block: object = { default_host: "rack1" }) => provider([rack1, rack2], { block });

const found: Readonly<Record<string, readonly string[]>> = {
  lodge_network: ["rack1/lan", "rack2/dmz"],
  lodge_address_pool: ["rack1/lan"],
  lodge_image: ["rack1/debian"],
  // A disk that was declared in a VM is none by itself.
  lodge_disk: ["rack1/data", "rack2/other"],
  lodge_vm: ["rack1/db", "rack1/web"],
};

describe.each(views.map(({ type }) => type))("%s", (type) => {
  test("is found on all hosts, and on one", async () => {
    const names = async (config: object) =>
      (await (await both()).list(type, config)).map(({ displayName }) => displayName);
    expect(await names({})).toEqual(found[type]);
    const [first, ...others] = found[type]!;
    expect(await names({ host: first!.split("/")[0] })).toContain(first);
    expect(await names({ name_prefix: first!.split("/")[1]!, host: "rack1" })).toEqual([first]);
    expect(await names({ phase: "deleting" })).toEqual([]);
    expect((await (await both()).list(type, {}, { limit: 1 })).length).toBe(1);
    expect(others.length).toBe(found[type]!.length - 1);
  });

  test("is listed as it is imported, and the configuration that is written for it changes nothing", async () => {
    for (const { identity, state } of await (await both()).list(type, {}, { wholeState: true })) {
      const core = await both();
      const imported = await core.importByIdentity(type, plainValue(identity) as object);
      expect(state).toEqual(imported.state);
      const config = await core.generate(type, imported);
      expect((await core.plan(type, imported, config)).action).toBe("no-op");
    }
  });
});

test("a written configuration is short", async () => {
  const core = await both();
  const written = async (type: string, name: string) => {
    const config = await core.generate(type, await core.import(type, name));
    return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
  };
  const { world } = rack1;
  expect(await written("lodge_vm", "rack1/db")).toEqual({
    name: "db",
    cpus: 2,
    memory: "128MiB",
    power_state: "stopped",
    boot_order: ["root"],
    disks: { root: { image_id: world.id("image debian"), disk_id: null, size: "1GiB" } },
    nics: {
      eth0: {
        network_id: world.id("network lan"),
        ipv4_pool_id: world.id("address_pool lan"),
        ipv4_address: null,
        mac: null,
      },
    },
  });
  expect(await written("lodge_disk", "rack2/other")).toEqual({
    name: "other",
    host: "rack2",
    size: "1GiB",
  });
});

test("what cannot be asked is an error, and a host that is dead is not passed over", async () => {
  await expect((await both()).list("lodge_vm", { name_regex: "[" })).rejects.toThrow(
    /\(at name_regex\)/u,
  );
  await expect((await both()).list("lodge_vm", { host: "rack9" })).rejects.toThrow(
    "Unable to list lodge_vm: The provider's hosts has no rack9",
  );
  await rack2.hide();
  await expect((await both()).list("lodge_vm", {})).rejects.toThrow(/cannot be reached/u);
  expect(await (await both()).list("lodge_vm", { host: "rack1" })).toHaveLength(2);
});
