/** What only Terraform knows of an object is in no import. The update that brings it into the state writes nothing. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { idOf } from "../harness/life.ts";
import { attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
let file: string;
beforeEach(async () => {
  agent = await CoreAgent.start();
  file = `${agent.files.directory}/image`;
  await writeFile(file, Buffer.alloc(600_000, 1));
});
afterEach(() => agent[Symbol.asyncDispose]());

const sha256 = createHash("sha256").update(Buffer.alloc(600_000, 1)).digest("hex");
const web = { name: "it", memory: "128MiB" };
const timeouts = { create: "5m" };
const cases: readonly [string, KindName, object, () => object][] = [
  ["a VM with wait_for", "vm", web, () => ({ wait_for: { timeout: "1m" } })],
  ["a VM with timeouts", "vm", web, () => ({ timeouts })],
  ["a disk with timeouts", "disk", { name: "it", size: "1GiB" }, () => ({ timeouts })],
  ["an image with local_path", "image", { name: "it" }, () => ({ local_path: file })],
  ["one with its digest as well", "image", { name: "it" }, () => ({ local_path: file, sha256 })],
];

test.each(cases)("%s is updated, and nothing is written", async (_, kind, config, further) => {
  const type = `lodge_${kind}`;
  const made = kind === "image" ? { ...config, local_path: file } : config;
  const item = await (await provider([agent])).apply(type, undefined, made);
  const id = attributes(item)["id"];
  const before = await agent.world.store.get(kind, id);
  const core = await provider([agent]);
  const imported = await core.import(type, `rack1/it`);
  // Without what only Terraform knows, there is nothing to do; that an image has a source is such a thing.
  if (kind !== "image") expect((await core.plan(type, imported, config)).action).toBe("no-op");
  const whole = { ...config, ...further() };
  const plan = await core.plan(type, imported, whole);
  expect(plan.action).toBe("update");
  agent.counted();
  const after = await core.resource(type).apply(plan, whole);
  const { "HostService/Get": _hello, ...calls } = agent.counted();
  expect(Object.keys(calls).filter((call) => /Put|Upload|Delete/u.test(call))).toEqual([]);
  expect(await agent.world.store.get(kind, id)).toEqual(before);
  expect(attributes(after!)).toMatchObject({ id, ...further() });
  expect((await core.plan(type, after, whole)).action).toBe("no-op");
});

test.each([
  ["with timeouts", { timeouts }, []],
  ["under another name", { name: "other" }, ["DiskService/Put"]],
])("a disk without a size keeps the one it has: %s", async (_, further, written) => {
  await agent.world.put("image", { name: "debian", host_path: "/images/debian" });
  await agent.world.quiet();
  const config = { name: "it", image_id: idOf("image debian") };
  const made = await (await provider([agent])).apply("lodge_disk", undefined, config);
  const { id, size, size_bytes } = attributes(made);
  const before = await agent.world.store.get("disk", id);
  const core = await provider([agent]);
  const imported = await core.import("lodge_disk", "rack1/it");
  expect((await core.plan("lodge_disk", imported, config)).action).toBe("no-op");
  const whole = { ...config, ...further };
  const plan = await core.plan("lodge_disk", imported, whole);
  expect([plan.action, plainValue(plan.planned)]).toMatchObject(["update", { size, size_bytes }]);
  agent.counted();
  const after = await core.resource("lodge_disk").apply(plan, whole);
  expect(Object.keys(agent.counted()).filter((call) => call.endsWith("/Put"))).toEqual(written);
  if (written.length === 0) expect(await agent.world.store.get("disk", id)).toEqual(before);
  expect(attributes(after!)).toMatchObject({ ...whole, id, size, size_bytes });
  expect((await core.plan("lodge_disk", after, whole)).action).toBe("no-op");
});

test("a disk that takes its size from another image does not keep the one it has", async () => {
  await agent.world.put("image", { name: "debian", host_path: "/images/debian" });
  const core = await provider([agent]);
  const item = await core.apply("lodge_disk", undefined, { name: "it", size: "1GiB" });
  const config = { name: "it", image_id: idOf("image debian") };
  const { action, planned } = await core.plan("lodge_disk", item, config);
  expect([action, plainValue(planned)]).toMatchObject([
    "replace",
    { size: unknown, size_bytes: unknown },
  ]);
});

test("another file than the imported image's is another image", async () => {
  const core = await provider([agent]);
  await core.apply("lodge_image", undefined, { name: "it", local_path: file });
  const imported = await core.import("lodge_image", "rack1/it");
  await writeFile(file, Buffer.alloc(600_000, 2));
  const plan = await core.plan("lodge_image", imported, { name: "it", local_path: file });
  expect([plan.action, plan.requiresReplace]).toEqual(["replace", [["local_path"]]]);
});

test("a disk that was declared in a VM is imported with that VM", async () => {
  const core = await provider([agent]);
  const config = { ...web, disks: { root: { size: "1GiB" } } };
  const item = await core.apply("lodge_vm", undefined, config);
  const { id, disk_status } = attributes(item);
  const disk = disk_status[0].disk_id as string;
  const refused = `Unable to import lodge_disk: The disk ${id}/root is a part of the VM ${id}. Import that VM: what was declared in it comes with it. (OWNED_BY_VM)`;
  await expect(core.import("lodge_disk", disk)).rejects.toThrow(refused);
  const byIdentity = core.resource("lodge_disk").importByIdentity({ id: disk });
  await expect(byIdentity).rejects.toThrow(refused);
});
