import { access, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { relative } from "node:path";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { DiskConfig, Disks } from "../../core/port/disks.ts";
import { exec } from "../../lib/exec.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { headerBytes, readHeader } from "../../lib/qcow2.ts";
import { diskFull, isDiskFull } from "../../lib/disk-space.ts";
import { syncFile } from "../../lib/sync-file.ts";

const extension = ".qcow2";
/** What a disk's file is called until it is whole. */
const unfinished = ".part";

/** Exit codes of `qemu-img check`: 2 is damage, 3 is only space that is lost. */
const leaks = 3;
const corrupt = 2;

/** Disk files as qcow2, made by qemu-img; those with an image are overlays over its file. */
export class QemuDisks implements Disks {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  async create(
    { diskId, sizeBytes, imageId }: DiskConfig,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number }> {
    const existing = await this.inspect(diskId, signal);
    if (existing) return existing;
    const path = paths.disk(this.#layout, diskId);
    const part = `${path}${unfinished}`;
    const backing = imageId === undefined ? undefined : await this.#backing(imageId);
    const size = sizeBytes ?? backing?.sizeBytes;
    if (size === undefined) {
      throw lodgeError("REQUEST_INVALID", `disk ${diskId} has no image, so it needs a size`);
    }
    if (backing && size < backing.sizeBytes) {
      throw lodgeError("SHRINK", `the disk's image needs ${backing.sizeBytes} bytes, not ${size}`);
    }
    await mkdir(paths.disks(this.#layout), { recursive: true, mode: 0o700 });
    // By its place beside the disks, so that the directory of both may become another.
    const over = backing
      ? ["-b", relative(paths.disks(this.#layout), backing.path), "-F", backing.format]
      : [];
    try {
      await exec("qemu-img", ["create", "-q", "-f", "qcow2", ...over, part, String(size)], {
        signal,
      });
      await syncFile(part);
      await rename(part, path);
      await syncFile(paths.disks(this.#layout));
    } catch (error) {
      await rm(part, { force: true });
      throw await this.#explain(error, `disk ${diskId}`);
    }
    return { sizeBytes: size };
  }

  async inspect(
    diskId: string,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number } | undefined> {
    signal.throwIfAborted();
    // The size stands in the header; asking qemu-img would cost ten times as much.
    const bytes = await readStart(paths.disk(this.#layout, diskId));
    if (!bytes) return undefined;
    if (bytes.length < 32 || bytes.toString("latin1", 0, 4) !== "QFI\xfb") {
      throw lodgeError("DISK_CORRUPT", `the file of disk ${diskId} is no qcow2 file`, {
        kind: "disk",
        id: diskId,
      });
    }
    return { sizeBytes: Number(bytes.readBigUInt64BE(24)) };
  }

  async resize(diskId: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
    const { sizeBytes: now } = await this.#needed(diskId, signal);
    if (sizeBytes < now) {
      throw lodgeError("SHRINK", `disk ${diskId} has ${now} bytes and cannot become ${sizeBytes}`);
    }
    if (sizeBytes === now) return;
    const path = paths.disk(this.#layout, diskId);
    try {
      await exec("qemu-img", ["resize", "-q", "-f", "qcow2", path, String(sizeBytes)], { signal });
    } catch (error) {
      throw await this.#explain(error, `disk ${diskId}`);
    }
  }

  async check(diskId: string, signal: AbortSignal): Promise<void> {
    await this.#needed(diskId, signal);
    const path = paths.disk(this.#layout, diskId);
    const check = (...repair: readonly string[]) =>
      exec("qemu-img", ["check", "-q", "-f", "qcow2", ...repair, path], {
        signal,
        accept: [0, 1, corrupt, leaks],
        timeout: 30 * 60_000,
      });
    const first = await check();
    if (first.exitCode === 0) return;
    // Leaked clusters are mended for certain; what else is wrong might lose data when it is mended.
    const second = first.exitCode === leaks ? await check("-r", "leaks") : first;
    if (second.exitCode === 0) return;
    const words = (second.stderr || second.stdout).trim().split("\n").slice(0, 4).join("; ");
    throw lodgeError("DISK_CORRUPT", `disk ${diskId} is damaged: ${words}`, {
      kind: "disk",
      id: diskId,
      remedy: `See what \`qemu-img check ${path}\` says, and restore the disk from a backup.`,
    });
  }

  async delete(diskId: string): Promise<void> {
    const path = paths.disk(this.#layout, diskId);
    await rm(`${path}${unfinished}`, { force: true });
    await rm(path, { force: true });
  }

  async list(): Promise<readonly string[]> {
    const files = await readdir(paths.disks(this.#layout)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
    const ids = files.map((file) => file.replace(unfinished, ""));
    const own = ids.filter((file) => file.endsWith(extension));
    return [...new Set(own.map((file) => file.slice(0, -extension.length)))].toSorted();
  }

  async #needed(diskId: string, signal: AbortSignal): Promise<{ readonly sizeBytes: number }> {
    const disk = await this.inspect(diskId, signal);
    if (!disk) {
      throw lodgeError("NOT_FOUND", `disk ${diskId} has no file`, { kind: "disk", id: diskId });
    }
    return disk;
  }

  /** The image under a disk. Its header was checked when the image was taken in, and the file is never written again. */
  async #backing(
    imageId: string,
  ): Promise<{ readonly path: string; readonly format: string; readonly sizeBytes: number }> {
    const path = paths.image(this.#layout, imageId);
    const missing = (): Error =>
      lodgeError("REFERENCE_NOT_FOUND", `image ${imageId} has no file`, {
        kind: "image",
        id: imageId,
      });
    await access(path).catch(() => {
      throw missing();
    });
    await using file = await open(path);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(headerBytes);
    const { bytesRead } = await file.read(buffer, 0, headerBytes, 0);
    const header = readHeader(buffer.subarray(0, bytesRead), size);
    switch (header.format) {
      case "refused":
        throw lodgeError("IMAGE_REFUSED", `the file of image ${imageId} ${header.problem}`);
      case "qcow2":
        return { path, format: "qcow2", sizeBytes: header.virtualSizeBytes };
      case "raw":
        return { path, format: "raw", sizeBytes: Math.ceil(size / 512) * 512 };
    }
  }

  async #explain(error: unknown, what: string): Promise<unknown> {
    return isDiskFull(error) ? diskFull(paths.disks(this.#layout), what, error) : error;
  }
}

async function readStart(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path);
    const buffer = Buffer.alloc(headerBytes);
    const { bytesRead } = await file.read(buffer, 0, headerBytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
