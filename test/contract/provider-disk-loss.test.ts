/** An update that deletes a disk of the VM's own says so, and a protected VM refuses it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { idOf } from "../harness/life.ts";
import { attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
beforeEach(async () => {
  agent = await CoreAgent.start();
  await agent.world.furnish();
  await agent.world.put("disk", { name: "data", size: "1GiB" });
  await agent.world.quiet();
});
afterEach(() => agent[Symbol.asyncDispose]());

const data = () => ({ disk_id: idOf("disk data") });
const vm = (disks: object, more: object = {}) => ({
  name: "web",
  memory: "128MiB",
  power_state: "stopped",
  disks,
  ...more,
});
const own = { size: "1GiB" };
const apply = async (item: Instance | undefined, config: object) =>
  agent.during((await provider([agent])).apply("lodge_vm", item, config));
const warnings = async (item: Instance, config: object) => {
  const core = await provider([agent]);
  await core.plan("lodge_vm", item, config);
  return core.caller.warnings.map(({ summary, detail }) => `${summary}: ${detail}`);
};
const deleted =
  "The disk own will be deleted: The disk own of web and all data on it will be deleted. A disk that keeps its data when it is renamed or taken away is a lodge_disk, attached by disk_id.";

test.each<[string, () => object, readonly string[]]>([
  ["is taken away", () => ({ data: data() }), [deleted]],
  ["is renamed", () => ({ other: own, data: data() }), [deleted]],
  ["gives way to another", () => ({ own: data() }), [deleted]],
  [
    "may give way to another",
    () => ({ own: { disk_id: unknown }, data: data() }),
    [
      "The disk own may be deleted: The disk own of web and all data on it will be deleted if its disk_id, which is known only at apply, names another disk.",
    ],
  ],
  ["grows", () => ({ own: { size: "2GiB" }, data: data() }), []],
  ["stays, and an attached one is let go", () => ({ own }), []],
  ["stays, and an attached one is renamed", () => ({ own, other: data() }), []],
])("a disk of its own that %s", async (_, disks, said) => {
  const item = await apply(undefined, vm({ own, data: data() }));
  expect(await warnings(item, vm(disks()))).toEqual(said);
});

test("of a guest that runs on is said to go with its next boot, and comes back before", async () => {
  const running = { power_state: "running" };
  const item = await apply(undefined, vm({ own }, running));
  const [before] = attributes(item)["disk_status"];
  const late = deleted.replace(
    "deleted. A",
    "deleted. Its guest keeps it until it next stops or restarts; until then the entry own, as it was, brings it back. A",
  );
  const said = async (more: object) =>
    (await warnings(item, vm({}, more))).filter((warning) => warning.startsWith("The disk"));
  expect(await said(running)).toEqual([late]);
  for (const now of [{ power_state: "stopped" }, { ...running, on_restart_required: "restart" }])
    expect(await said(now)).toEqual([deleted]);
  const without = await apply(item, vm({}, running));
  const back = await apply(without, vm({ own }, running));
  await agent.world.core.restart({ id: attributes(back)["id"], bootId: "", force: true });
  await agent.world.quiet();
  expect(await agent.world.store.get("vm", attributes(back)["id"])).toMatchObject({
    status: { boots: 2, disk_status: [before] },
  });
  const gone = await apply(back, vm({}, { ...running, on_restart_required: "restart" }));
  expect(attributes(gone)["disk_status"]).toEqual([]);
  expect(await agent.world.store.get("disk", before.disk_id)).toBeUndefined();
});

test("is refused by a protected VM, until that is applied", async () => {
  const deletion_protection = true;
  const item = await apply(undefined, vm({ own }, { deletion_protection }));
  const [before] = attributes(item)["disk_status"];
  const core = await provider([agent]);
  for (const more of [{ deletion_protection }, {}])
    await expect(core.plan("lodge_vm", item, vm({ own2: own }, more))).rejects.toThrow(
      "The disk own is protected: The disk own of web and all data on it would be deleted, and deletion_protection is on. Leave own as it is, or set deletion_protection to false and apply that first. (at disks)",
    );
  const unprotected = await apply(item, vm({ own }));
  const renamed = await apply(unprotected, vm({ own2: own }));
  expect(attributes(renamed)["disk_status"]).toEqual([
    expect.objectContaining({ name: "own2", disk_id: expect.not.stringMatching(before.disk_id) }),
  ]);
});
