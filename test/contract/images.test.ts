import { createHash, randomBytes, randomUUID } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeImages } from "../../agent/src/core/port/images.fake.ts";
import type { Images } from "../../agent/src/core/port/images.ts";
import { FileImages } from "../../agent/src/driver/image/file-images.ts";
import { exec } from "../../agent/src/lib/exec.ts";
import { paths, type Layout } from "../../agent/src/lib/layout.ts";
import { assertInside } from "../harness/namespace.ts";

/** Images, and the files of the host that they may come from. */
interface World extends AsyncDisposable {
  readonly images: Images;
  /** Puts a file into the allowed directory. @returns its path. */
  file(name: string, bytes: Uint8Array): string;
  /** Puts a file elsewhere. */
  outside(name: string, bytes: Uint8Array): string;
  /** Puts a symbolic link into the allowed directory. */
  link(name: string, target: string): string;
  /** The agent died while it took in the image. */
  leaveUnfinished(imageId: string): Promise<void>;
  fill(): Promise<void>;
  /** What there is of files. */
  files(): readonly string[];
}

const signal = new AbortController().signal;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function fakeWorld(): Promise<World> {
  const images = new FakeImages({ roots: ["/images"] });
  const put = (path: string, content: Uint8Array | string): string => {
    images.hostFiles.set(path, content);
    return path;
  };
  return {
    images,
    file: (name, bytes) => put(`/images/${name}`, bytes),
    outside: (name, bytes) => put(`/elsewhere/${name}`, bytes),
    link: (name, target) => put(`/images/${name}`, target),
    leaveUnfinished: async (imageId) => void images.files.set(imageId, "unfinished"),
    fill: async () => void (images.full = true),
    files: () => [...images.files.keys()],
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function realWorld(): Promise<World> {
  assertInside();
  const directory = mkdtempSync(join(tmpdir(), "lodge-images-"));
  const layout: Layout = { stateDir: join(directory, "state"), runDir: directory };
  const root = join(directory, "root");
  for (const path of [paths.images(layout), root, join(directory, "elsewhere")]) {
    mkdirSync(path, { recursive: true });
  }
  // A file system of its own, so that it can be filled.
  await exec("mount", ["-t", "tmpfs", "-o", "size=8m", "images", paths.images(layout)]);
  const put = (path: string, bytes: Uint8Array): string => {
    writeFileSync(path, bytes);
    return path;
  };
  return {
    images: new FileImages({ layout, roots: [root] }),
    file: (name, bytes) => put(join(root, name), bytes),
    outside: (name, bytes) => put(join(directory, "elsewhere", name), bytes),
    link: (name, target) => {
      symlinkSync(target, join(root, name));
      return join(root, name);
    },
    leaveUnfinished: async (imageId) => {
      put(`${paths.image(layout, imageId)}.part`, Buffer.from("half"));
    },
    fill: async () => {
      const args = ["if=/dev/zero", `of=${join(paths.images(layout), "filler")}`, "bs=4k"];
      await exec("dd", args, { accept: [1] });
    },
    files: () => readdirSync(paths.images(layout)).filter((file) => file !== "filler"),
    [Symbol.asyncDispose]: async () => {
      await exec("umount", [paths.images(layout)]);
      rmSync(directory, { recursive: true });
    },
  };
}

/** An empty qcow2 file of one cluster, with fields of its header as given. */
function qcow2(fields: { readonly [offset: number]: bigint } = {}): Buffer {
  const bytes = Buffer.alloc(65536);
  bytes.write("QFI\xfb", 0, "latin1");
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(BigInt(64 * 2 ** 20), 24);
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(104, 100);
  for (const [offset, value] of Object.entries(fields)) {
    bytes.writeBigUInt64BE(value, Number(offset));
  }
  return bytes;
}

async function* chunked(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe.each([
  { name: "the fake", create: fakeWorld },
  { name: "files", create: realWorld },
])("images: $name", ({ create }) => {
  let world: World;
  let imageId: string;
  const raw = Buffer.concat([randomBytes(100_000), Buffer.alloc(3 * 2 ** 20), randomBytes(12_345)]);
  const facts = {
    sha256: sha256(raw),
    format: "raw",
    sizeBytes: raw.length,
    virtualSizeBytes: Math.ceil(raw.length / 512) * 512,
  };
  beforeEach(async () => {
    world = await create();
    imageId = randomUUID();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const receive = (bytes: Uint8Array, changes: { sizeBytes?: number; sha256?: string } = {}) =>
    world.images.receive(
      { imageId, sizeBytes: bytes.length, ...changes },
      chunked(bytes, 70_000),
      signal,
    );
  const nothingIsThere = async (): Promise<void> => {
    expect(world.files()).toEqual([]);
    expect(await world.images.inspect(imageId, signal)).toBeUndefined();
  };

  it("copies a file once, however often it is told to", async () => {
    const hostPath = world.file("disk.raw", raw);
    await world.images.checkPath(hostPath);
    const image = { imageId, hostPath, sha256: facts.sha256 };
    expect(await world.images.copy(image, signal)).toEqual(facts);
    world.file("disk.raw", Buffer.from("something else"));
    expect(await world.images.copy(image, signal)).toEqual(facts);
    expect(await world.images.inspect(imageId, signal)).toEqual(facts);
    expect(await world.images.list()).toEqual([imageId]);
  });

  it("receives what a client sends", async () => {
    expect(await receive(raw, { sha256: facts.sha256 })).toEqual(facts);
    expect(await receive(raw)).toEqual(facts);
    expect(await world.images.inspect(imageId, signal)).toEqual(facts);
  });

  it("reads the format and size from the file's header", async () => {
    const image = qcow2();
    expect(await receive(image)).toEqual({
      sha256: sha256(image),
      format: "qcow2",
      sizeBytes: image.length,
      virtualSizeBytes: 64 * 2 ** 20,
    });
  });

  it("refuses a file that could lead QEMU to others, or that it cannot read", async () => {
    const refused = [
      Buffer.alloc(0),
      qcow2({ 8: 512n }), // a backing file
      qcow2({ 72: 0b100n }), // an external data file
      qcow2({ 72: 0b10n }), // marked corrupt
      qcow2({ 72: 1n << 40n }), // a feature of the future
      qcow2({ 32: 1n << 32n }), // encrypted
      qcow2().subarray(0, 80),
      Buffer.from("KDMV and more of a VMDK"),
    ];
    for (const bytes of refused) {
      await expect(receive(bytes)).rejects.toMatchObject({ reason: "IMAGE_REFUSED" });
      await nothingIsThere();
    }
    const hostPath = world.file("bad.qcow2", refused[1]!);
    await expect(world.images.copy({ imageId, hostPath }, signal)).rejects.toMatchObject({
      reason: "IMAGE_REFUSED",
    });
    await nothingIsThere();
  });

  it("refuses another digest, naming both", async () => {
    const wanted = sha256(Buffer.from("other"));
    const refusal = {
      reason: "DIGEST_MISMATCH",
      message: expect.stringMatching(new RegExp(`${facts.sha256}.*${wanted}`)),
    };
    await expect(receive(raw, { sha256: wanted })).rejects.toMatchObject(refusal);
    const image = { imageId, hostPath: world.file("disk.raw", raw), sha256: wanted };
    await expect(world.images.copy(image, signal)).rejects.toMatchObject(refusal);
    await nothingIsThere();
  });

  it("refuses more or fewer bytes than announced", async () => {
    for (const sizeBytes of [0, 1, raw.length - 1, raw.length + 1]) {
      await expect(receive(raw, { sizeBytes })).rejects.toMatchObject({ reason: "SIZE_MISMATCH" });
    }
    await nothingIsThere();
  });

  it("leaves nothing of what a client stopped sending", async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield raw.subarray(0, 1000);
      throw new Error("the connection broke");
    }
    const image = { imageId, sizeBytes: raw.length };
    await expect(world.images.receive(image, broken(), signal)).rejects.toThrow("broke");
    await nothingIsThere();
  });

  it("refuses paths outside its directories, and such that lead through links", async () => {
    const inside = world.file("disk.raw", raw);
    const outside = world.outside("secret", raw);
    const root = world.images.roots[0]!;
    const refused = [
      outside,
      `${root}/../elsewhere/secret`,
      `${root}/./disk.raw`,
      `${root}//disk.raw`,
      root,
      `${root}-2/disk.raw`,
      "disk.raw",
      world.link("to-secret", outside),
      world.link("to-inside", inside),
    ];
    for (const hostPath of refused) {
      const refusal = { reason: "PATH_NOT_ALLOWED" };
      await expect(world.images.checkPath(hostPath)).rejects.toMatchObject(refusal);
      await expect(world.images.copy({ imageId, hostPath }, signal)).rejects.toMatchObject(refusal);
    }
    await nothingIsThere();
  });

  it("tells a file from another in its place", async () => {
    const hostPath = world.file("disk.raw", raw);
    const mark = await world.images.checkPath(hostPath);
    expect(await world.images.checkPath(hostPath)).toBe(mark);
    world.file("disk.raw", Buffer.concat([raw, raw]));
    expect(await world.images.checkPath(hostPath)).not.toBe(mark);
  });

  it("says so where there is no file", async () => {
    const hostPath = `${world.images.roots[0]!}/missing`;
    const refusal = { reason: "PATH_NOT_FOUND" };
    await expect(world.images.checkPath(hostPath)).rejects.toMatchObject(refusal);
    await expect(world.images.copy({ imageId, hostPath }, signal)).rejects.toMatchObject(refusal);
    await nothingIsThere();
  });

  it("leaves nothing where the file system is full, and says which one that is", async () => {
    await world.fill();
    await expect(receive(raw)).rejects.toMatchObject({
      reason: "DISK_FULL",
      message: expect.stringMatching(/file system .* free/),
    });
    await nothingIsThere();
    const asked = vi.fn();
    const chunks = (async function* () {
      yield asked();
    })();
    const large = { imageId, sizeBytes: 2 ** 40 };
    await expect(world.images.receive(large, chunks, signal)).rejects.toMatchObject({
      reason: "DISK_FULL",
      message: expect.stringMatching(/file system .* free/),
    });
    expect(asked).not.toHaveBeenCalled();
    await nothingIsThere();
  });

  it("lists and ends an unfinished image, or makes it whole", async () => {
    await world.leaveUnfinished(imageId);
    expect(await world.images.inspect(imageId, signal)).toBeUndefined();
    expect(await world.images.list()).toEqual([imageId]);
    await world.images.delete(imageId);
    await nothingIsThere();
    expect(await receive(raw)).toEqual(facts);
    const whole = world.files();
    await world.images.delete(imageId);
    await world.leaveUnfinished(imageId);
    expect(await receive(raw)).toEqual(facts);
    expect(world.files()).toEqual(whole);
    await world.images.delete(imageId);
    await world.images.delete(imageId);
    await nothingIsThere();
    expect(await world.images.list()).toEqual([]);
  });
});

describe("files of images", () => {
  it("are one of two that were sent at once for the same image, whole", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-images-"));
    const images = new FileImages({
      layout: { stateDir: directory, runDir: directory },
      roots: [],
    });
    const imageId = randomUUID();
    // Chunk by chunk in turn, so that each sender writes while the other does.
    const contents = [randomBytes(300_000), randomBytes(300_000)];
    const [first, second] = await Promise.all(
      contents.map((bytes) =>
        images.receive({ imageId, sizeBytes: bytes.length }, chunked(bytes, 10_000), signal),
      ),
    );
    const path = paths.image({ stateDir: directory, runDir: directory }, imageId);
    expect([first!.sha256, second!.sha256]).toEqual(Array(2).fill(sha256(readFileSync(path))));
    expect(contents.map(sha256)).toContain(first!.sha256);
    await images.delete(imageId);
    expect(await images.list()).toEqual([]);
    rmSync(directory, { recursive: true });
  });

  it("are the bytes that came, read-only, with holes where these were zero", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-images-"));
    const layout: Layout = { stateDir: directory, runDir: directory };
    const images = new FileImages({ layout, roots: [directory] });
    const bytes = Buffer.concat([randomBytes(5), Buffer.alloc(8 * 2 ** 20), randomBytes(5)]);
    const [received, copied] = [randomUUID(), randomUUID()];
    writeFileSync(join(directory, "source"), bytes);
    await images.receive(
      { imageId: received, sizeBytes: bytes.length },
      chunked(bytes, 999_999),
      signal,
    );
    await images.copy({ imageId: copied, hostPath: join(directory, "source") }, signal);
    for (const imageId of [received, copied]) {
      const path = paths.image(layout, imageId);
      const { stdout } = await exec("sha256sum", [path]);
      expect(stdout.split(" ")[0]).toBe(sha256(bytes));
      expect(statSync(path).mode & 0o777).toBe(0o444);
      expect(statSync(path).blocks * 512).toBeLessThan(4 * 2 ** 20);
    }
    rmSync(directory, { recursive: true });
  });

  it("are never taken from a pipe, a device or a directory", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-images-"));
    const layout: Layout = { stateDir: join(directory, "state"), runDir: directory };
    const images = new FileImages({ layout, roots: [directory] });
    await exec("mkfifo", [join(directory, "pipe")]);
    mkdirSync(join(directory, "directory"));
    for (const name of ["pipe", "directory"]) {
      await expect(images.checkPath(join(directory, name))).rejects.toMatchObject({
        reason: "PATH_NOT_FOUND",
      });
    }
    mkdirSync(join(directory, "real"));
    writeFileSync(join(directory, "real", "file"), "x");
    symlinkSync("real", join(directory, "linked"));
    await images.checkPath(join(directory, "real", "file"));
    await expect(images.checkPath(join(directory, "linked", "file"))).rejects.toMatchObject({
      reason: "PATH_NOT_ALLOWED",
    });
    rmSync(directory, { recursive: true });
  });
});
