import { randomUUID } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeDisks } from "../../agent/src/core/port/disks.fake.ts";
import type { Disks } from "../../agent/src/core/port/disks.ts";
import { QemuDisks } from "../../agent/src/driver/disk/qemu-disks.ts";
import { exec } from "../../agent/src/lib/exec.ts";
import { paths, type Layout } from "../../agent/src/lib/layout.ts";
import { assertInside } from "../harness/namespace.ts";

/** Disks, and what happens to their files from outside. */
interface World extends AsyncDisposable {
  readonly disks: Disks;
  /** An image that disks can be made from. @returns its id. */
  image(sizeBytes: number): Promise<string>;
  /** The agent died in the middle of making the disk. */
  leaveUnfinished(diskId: string): Promise<void>;
  /** A QEMU that was killed lost track of space, which does no harm. */
  leak(diskId: string): Promise<void>;
  damage(diskId: string): Promise<void>;
  fill(): Promise<void>;
  /** What there is of files. */
  files(): readonly string[];
}

const signal = new AbortController().signal;
const MiB = 2 ** 20;

async function fakeWorld(): Promise<World> {
  const images = new Map<string, number>();
  const disks = new FakeDisks({ imageSize: (imageId) => images.get(imageId) });
  return {
    disks,
    image: async (sizeBytes) => {
      const imageId = randomUUID();
      images.set(imageId, sizeBytes);
      return imageId;
    },
    leaveUnfinished: async (diskId) => {
      const crash = new Error("the agent died");
      disks.faults.failNext("create", crash, "during");
      await disks.create({ diskId, sizeBytes: MiB }, signal).catch(() => undefined);
    },
    leak: async (diskId) => void (disks.files.get(diskId)!.health = "leaky"),
    damage: async (diskId) => void (disks.files.get(diskId)!.health = "corrupt"),
    fill: async () => void (disks.full = true),
    files: () => [...disks.files.keys()],
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function realWorld(): Promise<World> {
  assertInside();
  const directory = mkdtempSync(join(tmpdir(), "lodge-disks-"));
  const layout: Layout = { stateDir: directory, runDir: directory };
  mkdirSync(paths.disks(layout));
  mkdirSync(paths.images(layout));
  // A file system of its own, so that it can be filled.
  await exec("mount", ["-t", "tmpfs", "-o", "size=8m", "disks", paths.disks(layout)]);
  return {
    disks: new QemuDisks(layout),
    image: async (sizeBytes) => {
      const imageId = randomUUID();
      const args = ["create", "-q", "-f", "qcow2", paths.image(layout, imageId), String(sizeBytes)];
      await exec("qemu-img", args);
      return imageId;
    },
    leaveUnfinished: async (diskId) => writeFileSync(`${paths.disk(layout, diskId)}.part`, "half"),
    leak: async (diskId) => {
      // A cluster that is counted as used and that nothing leads to: the first free one's count becomes 1.
      const path = paths.disk(layout, diskId);
      const { refcountBlock, freeCluster } = await layoutOf(path);
      const file = openSync(path, "r+");
      writeSync(file, Buffer.from([0, 1]), 0, 2, refcountBlock + 2 * freeCluster);
      closeSync(file);
      await exec("truncate", ["--size", "+65536", path]);
    },
    damage: async (diskId) => {
      // The count of the header's own cluster says that it is free.
      const path = paths.disk(layout, diskId);
      const { refcountBlock } = await layoutOf(path);
      const file = openSync(path, "r+");
      writeSync(file, Buffer.from([0, 0]), 0, 2, refcountBlock);
      closeSync(file);
    },
    fill: async () => {
      const args = ["if=/dev/zero", `of=${join(paths.disks(layout), "filler")}`, "bs=4k"];
      await exec("dd", args, { accept: [1] });
    },
    files: () => readdirSync(paths.disks(layout)).filter((file) => file !== "filler"),
    [Symbol.asyncDispose]: async () => {
      await exec("umount", [paths.disks(layout)]);
      rmSync(directory, { recursive: true });
    },
  };
}

/** Where qemu-img put things: clusters of 64 KiB, the table of counts behind the header, and the first block behind it. */
async function layoutOf(
  path: string,
): Promise<{ readonly refcountBlock: number; readonly freeCluster: number }> {
  const { stdout } = await exec("qemu-img", ["info", "--output=json", path]);
  const size = (JSON.parse(stdout) as { readonly "actual-size": number })["actual-size"];
  expect(size).toBeGreaterThan(0);
  const { stdout: bytes } = await exec("stat", ["--format=%s", path]);
  return { refcountBlock: 2 * 65536, freeCluster: Math.ceil(Number(bytes) / 65536) };
}

describe.each([
  { name: "the fake", create: fakeWorld },
  { name: "qemu-img", create: realWorld },
])("disks: $name", ({ create }) => {
  let world: World;
  let diskId: string;
  beforeEach(async () => {
    world = await create();
    diskId = randomUUID();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  it("makes a blank disk once, however often it is told to", async () => {
    const disk = { diskId, sizeBytes: 64 * MiB };
    expect(await world.disks.inspect(diskId, signal)).toBeUndefined();
    expect(await world.disks.create(disk, signal)).toEqual({ sizeBytes: 64 * MiB });
    expect(await world.disks.create(disk, signal)).toEqual({ sizeBytes: 64 * MiB });
    expect(await world.disks.inspect(diskId, signal)).toEqual({ sizeBytes: 64 * MiB });
    expect(await world.disks.list()).toEqual([diskId]);
    await world.disks.check(diskId, signal);
  });

  it("makes a disk from an image, as large as that or larger", async () => {
    const imageId = await world.image(32 * MiB);
    expect(await world.disks.create({ diskId, imageId }, signal)).toEqual({ sizeBytes: 32 * MiB });
    const larger = { diskId: randomUUID(), imageId, sizeBytes: 48 * MiB };
    expect(await world.disks.create(larger, signal)).toEqual({ sizeBytes: 48 * MiB });
  });

  it("refuses a disk that is smaller than its image, has none, or has no size", async () => {
    const imageId = await world.image(32 * MiB);
    const refusals = [
      [{ diskId, imageId, sizeBytes: 16 * MiB }, "SHRINK"],
      [{ diskId, imageId: randomUUID() }, "REFERENCE_NOT_FOUND"],
      [{ diskId }, "REQUEST_INVALID"],
    ] as const;
    for (const [disk, reason] of refusals) {
      await expect(world.disks.create(disk, signal)).rejects.toMatchObject({ reason });
    }
    expect(world.files()).toEqual([]);
  });

  it("grows a disk and never shrinks one", async () => {
    await world.disks.create({ diskId, sizeBytes: 16 * MiB }, signal);
    await world.disks.resize(diskId, 24 * MiB, signal);
    await world.disks.resize(diskId, 24 * MiB, signal);
    expect(await world.disks.inspect(diskId, signal)).toEqual({ sizeBytes: 24 * MiB });
    await expect(world.disks.resize(diskId, 16 * MiB, signal)).rejects.toMatchObject({
      reason: "SHRINK",
    });
    await expect(world.disks.resize(randomUUID(), MiB, signal)).rejects.toMatchObject({
      reason: "NOT_FOUND",
    });
    expect(await world.disks.inspect(diskId, signal)).toEqual({ sizeBytes: 24 * MiB });
  });

  it("leaves nothing where the file system is full, and says which one that is", async () => {
    await world.fill();
    await expect(world.disks.create({ diskId, sizeBytes: MiB }, signal)).rejects.toMatchObject({
      reason: "DISK_FULL",
      message: expect.stringMatching(/file system .* free/),
    });
    expect(world.files()).toEqual([]);
    expect(await world.disks.inspect(diskId, signal)).toBeUndefined();
  });

  it("mends what a killed QEMU left", async () => {
    await world.disks.create({ diskId, sizeBytes: 16 * MiB }, signal);
    await world.leak(diskId);
    await world.disks.check(diskId, signal);
    await world.disks.check(diskId, signal);
    expect(await world.disks.inspect(diskId, signal)).toEqual({ sizeBytes: 16 * MiB });
  });

  it("does not touch a damaged disk, and says so", async () => {
    await world.disks.create({ diskId, sizeBytes: 16 * MiB }, signal);
    await world.damage(diskId);
    for (let twice = 0; twice < 2; twice++) {
      await expect(world.disks.check(diskId, signal)).rejects.toMatchObject({
        reason: "DISK_CORRUPT",
      });
    }
    await expect(world.disks.check(randomUUID(), signal)).rejects.toMatchObject({
      reason: "NOT_FOUND",
    });
  });

  it("lists and ends an unfinished disk, or makes it whole", async () => {
    await world.leaveUnfinished(diskId);
    expect(await world.disks.inspect(diskId, signal)).toBeUndefined();
    expect(await world.disks.list()).toEqual([diskId]);
    await world.disks.delete(diskId);
    expect(world.files()).toEqual([]);
    await world.leaveUnfinished(diskId);
    await world.disks.create({ diskId, sizeBytes: MiB }, signal);
    expect(world.files()).toHaveLength(1);
    expect(await world.disks.inspect(diskId, signal)).toEqual({ sizeBytes: MiB });
  });

  it("deletes a disk, as often as it is told to", async () => {
    await world.disks.create({ diskId, sizeBytes: MiB }, signal);
    await world.disks.delete(diskId);
    await world.disks.delete(diskId);
    expect(await world.disks.list()).toEqual([]);
    expect(world.files()).toEqual([]);
  });
});
