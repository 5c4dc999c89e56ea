import { kinds } from "@lodge/schemas/spec/kind.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { World } from "../testing/world.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
  await world.furnish();
});
afterEach(() => world.core.close());

const id = () => world.id("disk data");
const status = async () => (await world.get("disk", "data"))?.status;
const GiB = 2 ** 30;

describe("a disk", () => {
  test("is made, as large as its image in whole mebibytes where it has no size", async () => {
    await world.put("disk", { name: "data", size: "2GiB" });
    await world.put("disk", { name: "copy", image_id: world.id("image debian") });
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "ready", size_bytes: 2 * GiB, format: "qcow2" });
    expect((await world.get("disk", "copy"))!.status).toMatchObject({
      phase: "ready",
      size_bytes: 2 ** 20,
    });
    expect(world.disks.files.get(world.id("disk copy"))!.imageId).toBe(world.id("image debian"));
  });

  test("waits for its image, and says where that failed", async () => {
    world.images.full = true;
    await world.put("image", { name: "late", host_path: "/images/kernel" });
    await world.put("disk", { name: "data", image_id: world.id("image late") });
    await world.quiet();
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringMatching(/^Its image late failed: .*0 bytes free/),
    });
    world.images.full = false;
    await world.pass(10_000);
    expect(await status()).toMatchObject({ phase: "ready", message: "" });
  });

  test("smaller than the image that came after its wish fails, and says what it needs", async () => {
    world.images.hostFiles.set("/images/big", Buffer.alloc(3 * 2 ** 20));
    const copied = Promise.withResolvers<void>();
    world.onStep = (name) => (name === "copy_image" ? copied.promise : undefined);
    await world.put("image", { name: "big", host_path: "/images/big" });
    await world.put("disk", { name: "data", size: "1MiB", image_id: world.id("image big") });
    expect(await status()).toMatchObject({ phase: "pending" });
    copied.resolve();
    await world.quiet();
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("larger"),
    });
    await world.put("disk", { name: "data", size: "4MiB", image_id: world.id("image big") });
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "ready", size_bytes: 4 * 2 ** 20 });
  });

  test("grows in place and never shrinks", async () => {
    await world.put("disk", { name: "data", size: "1GiB" });
    await world.quiet();
    await world.put("disk", { name: "data", size: "3GiB" });
    await world.quiet();
    expect(world.disks.files.get(id())!.sizeBytes).toBe(3 * GiB);
    expect([
      (await status())!.size_bytes,
      (await world.get("disk", "data"))!.observedRevision,
    ]).toEqual([3 * GiB, 2]);
    await expect(world.put("disk", { name: "data", size: "2GiB" })).rejects.toMatchObject({
      reason: "SHRINK",
      violations: [
        { path: "spec.size", message: expect.stringContaining("it has 3GiB, and 2GiB is less") },
      ],
    });
  });

  test("that no room was left for is made when there is room", async () => {
    world.disks.full = true;
    await world.put("disk", { name: "data", size: "1GiB" });
    await world.pass(20_000);
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("0 bytes free"),
    });
    expect(world.disks.files.size).toBe(0);
    world.disks.full = false;
    await world.pass(300_000);
    expect(await status()).toMatchObject({ phase: "ready", message: "" });
  });

  test("whose file is gone is not made anew behind its owner's back", async () => {
    await world.put("disk", { name: "data", size: "1GiB" });
    await world.quiet();
    world.disks.files.delete(id());
    await world.pass(3_600_000);
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("gone from the host"),
    });
    expect(world.disks.files.has(id())).toBe(false);
    await world.delete("disk", "data");
    await world.quiet();
    expect(await status()).toBeUndefined();
  });

  test("whose file comes back is well again", async () => {
    await world.put("disk", { name: "data", size: "1GiB" });
    await world.quiet();
    const file = world.disks.files.get(id())!;
    world.disks.files.delete(id());
    await world.pass(60_000);
    expect((await status())!.phase).toBe("failed");
    const { sequence } = (await world.get("disk", "data"))!;
    await world.pass(600_000);
    expect((await world.get("disk", "data"))!.sequence).toBe(sequence);
    world.disks.files.set(id(), file);
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "ready", message: "" });
  });

  test("says whose it is and where it is attached", async () => {
    await world.put("disk", { name: "data", size: "1GiB" });
    const disks = { data: { disk_id: id() }, own: { size: "1GiB" } };
    const vm = await world.put("vm", world.vm("web", { disks }));
    const get = async (of: string) =>
      (await world.core.services.disk.get({ id: of }, false)).status;
    expect(await get(id())).toMatchObject({ owner_vm_id: null, attached_vm_id: vm.id });
    const own = vm.status.disk_status.find(({ name }) => name === "own")!.disk_id;
    expect(await get(own)).toMatchObject({ owner_vm_id: vm.id, attached_vm_id: vm.id });
    await expect(
      world.core.services.disk.get({ name: `${vm.id}/own` }, false),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("on the host without a record is removed, a half one too", async () => {
    world.disks.files.set(world.id("stray"), { sizeBytes: 1, health: "unfinished" });
    await world.pass(60_000);
    expect(world.disks.files.size).toBe(0);
  });
});

test("a blank disk needs a size: the rules are checked where wishes are read", () => {
  expect(
    kinds.disk.rules.map(({ test: rule }) => rule({ name: "x", deletion_protection: false }, [])),
  ).toEqual(["a blank disk needs a size"]);
});
