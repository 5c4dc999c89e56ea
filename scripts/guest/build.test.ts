import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildGuest } from "./build.ts";

const release = "6.1.0-1-test-amd64";

/** The start of an ELF file with one program header: of type 1 for a static program, 3 where it names a loader. */
function program(type: number): Buffer {
  const elf = Buffer.alloc(200);
  elf.write("\x7fELF\x02\x01\x01", 0, "latin1");
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(type, 64);
  return elf;
}

describe("the small guest", () => {
  let directory: string;
  let kernelPackage: string;
  let busybox: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "lodge-guest-"));
    busybox = join(directory, "busybox");
    writeFileSync(busybox, program(1));
    kernelPackage = makePackage();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** A package of a kernel with two modules, of which one needs the other, and one that nobody needs. */
  function makePackage(): string {
    const root = join(directory, "package");
    const modules = join(root, "lib/modules", release, "kernel/drivers");
    mkdirSync(modules, { recursive: true });
    mkdirSync(join(root, "boot"));
    writeFileSync(join(root, "boot", `vmlinuz-${release}`), program(1));
    const module = (needs: string) => `ELF\0license=GPL\0depends=${needs}\0name=x\0`;
    writeFileSync(join(modules, "virtio_blk.ko"), module("virtio,virtio-ring"));
    writeFileSync(join(modules, "virtio.ko"), module("virtio_ring"));
    writeFileSync(join(modules, "virtio_ring.ko"), module(""));
    writeFileSync(join(modules, "floppy.ko"), module(""));
    execFileSync("tar", ["--create", "--xz", "--file", "data.tar.xz", "--directory", root, "."], {
      cwd: directory,
    });
    const data = readFileSync(join(directory, "data.tar.xz"));
    const member = (name: string, bytes: Buffer): Buffer => {
      const size = String(bytes.length).padEnd(10);
      const head = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}100644  ${size}\`\n`;
      return Buffer.concat([Buffer.from(head), bytes, Buffer.alloc(bytes.length % 2)]);
    };
    const file = join(directory, "kernel.deb");
    const version = member("debian-binary", Buffer.from("2.0\n"));
    const control = member("control.tar.xz", Buffer.from("odd"));
    const parts = [Buffer.from("!<arch>\n"), version, control, member("data.tar.xz", data)];
    writeFileSync(file, Buffer.concat(parts));
    return file;
  }
  const build = (changes: object = {}) =>
    buildGuest({
      directory: join(directory, "cache"),
      kernelPackages: [kernelPackage],
      busybox,
      ...changes,
    });

  it("has its kernel, the modules that it needs and no other", async () => {
    const progress: string[] = [];
    const guest = await build({ progress: (message: string) => progress.push(message) });
    expect(guest.version).toMatch(new RegExp(`^${release}-[0-9a-f]{12}$`));
    expect(readFileSync(guest.kernel).equals(program(1))).toBe(true);
    const list = execFileSync("cpio", ["--list", "--quiet"], { input: readFileSync(guest.initrd) });
    const names = list.toString().split("\n");
    const modules = names
      .filter((name) => name.endsWith(".ko"))
      .map((name) => name.split("/").at(-1)!);
    expect(new Set(modules)).toEqual(new Set(["virtio.ko", "virtio_blk.ko", "virtio_ring.ko"]));
    expect(names).toEqual(expect.arrayContaining(["init", "bin/busybox", "bin/sh", "dev/console"]));
    expect(progress.join("\n")).toMatch(/unpacking.*\n.*building/);
  });

  it("tells modprobe to load first what others need", async () => {
    const { initrd } = await build();
    const name = `lib/modules/${release}/modules.dep`;
    const text = execFileSync("cpio", ["--extract", "--to-stdout", "--quiet", name], {
      input: readFileSync(initrd),
    }).toString();
    const at = "kernel/drivers";
    expect(text).toContain(`${at}/virtio_blk.ko: ${at}/virtio.ko ${at}/virtio_ring.ko\n`);
    expect(readFileSync(initrd, "latin1")).toContain("modprobe -a virtio_blk\n");
  });

  it("is built once, and again only where something of it is another", async () => {
    const progress: string[] = [];
    const options = { progress: (message: string) => progress.push(message) };
    const first = await build();
    expect(await build(options)).toEqual(first);
    expect(progress).toEqual([]);
    const again = await build({ ...options, refresh: true });
    expect(again).toEqual(first);
    expect(progress).not.toEqual([]);
    writeFileSync(busybox, Buffer.concat([program(1), Buffer.from("newer")]));
    expect((await build()).version).not.toBe(first.version);
    expect(readdirSync(join(directory, "cache")).toSorted()).toHaveLength(2);
  });

  it("depends on what its packages contain, not on where they lie", async () => {
    const first = await build();
    const moved = join(directory, "moved.deb");
    renameSync(kernelPackage, moved);
    expect(await build({ kernelPackages: [moved] })).toEqual(first);
    writeFileSync(moved, Buffer.concat([readFileSync(moved), Buffer.from("\n")]));
    expect((await build({ kernelPackages: [moved] })).version).not.toBe(first.version);
  });

  it("takes its parts from where the environment says", async () => {
    vi.stubEnv("LODGE_KERNEL_PACKAGES", kernelPackage);
    vi.stubEnv("LODGE_BUSYBOX", busybox);
    try {
      const named = await buildGuest({ directory: join(directory, "cache") });
      expect(named).toEqual(await build());
    } finally {
      vi.unstubAllEnvs();
    }
    await expect(build({ kernelPackages: ["/nonexistent.deb"] })).rejects.toThrow(
      "/nonexistent.deb cannot be read",
    );
  });

  it("can be interrupted, and leaves nothing half", async () => {
    const interrupt = new AbortController();
    const progress = () => interrupt.abort(new Error("interrupted"));
    await expect(build({ progress, signal: interrupt.signal })).rejects.toThrow("interrupted");
    expect(readdirSync(join(directory, "cache"))).toEqual([]);
  });

  it("may be built by several at once", async () => {
    const guests = await Promise.all([build(), build(), build()]);
    expect(new Set(guests.map(({ version }) => version)).size).toBe(1);
    expect(readdirSync(join(directory, "cache"))).toEqual([guests[0].version]);
  });

  it("is removed when it has been replaced for long", async () => {
    const { version } = await build();
    const old = join(directory, "cache", version);
    utimesSync(old, 1, 1);
    expect((await build()).version).toBe(version);
    writeFileSync(busybox, Buffer.concat([program(1), Buffer.from("newer")]));
    const newer = await build();
    expect(readdirSync(join(directory, "cache"))).toEqual([newer.version]);
  });

  it("says what is missing, and leaves nothing half", async () => {
    await expect(build({ busybox: join(directory, "none") })).rejects.toThrow("busybox");
    writeFileSync(busybox, program(3));
    await expect(build()).rejects.toThrow("statically linked");
    writeFileSync(busybox, program(1));
    writeFileSync(kernelPackage, "!<arch>\nnothing");
    await expect(build()).rejects.toThrow("cut off");
    writeFileSync(kernelPackage, "no package");
    await expect(build()).rejects.toThrow("no Debian package");
    expect(readdirSync(join(directory, "cache"))).toEqual([]);
  });
});
