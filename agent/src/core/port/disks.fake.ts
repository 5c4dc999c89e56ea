import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { DiskConfig, Disks } from "./disks.ts";
import { Faults } from "./faults.fake.ts";

type FakeFile = {
  sizeBytes: number;
  readonly imageId?: string;
  health: "whole" | "unfinished" | "leaky" | "corrupt";
};

export interface FakeDisksOptions {
  /** The virtual size of an image; undefined where there is none. */
  readonly imageSize?: (imageId: string) => number | undefined;
}

/** Disk files in memory. They outlive the agent: give the same ones to its next life. */
export class FakeDisks implements Disks {
  readonly faults = new Faults<keyof Disks>();
  /** The files by the disk's id. */
  readonly files = new Map<string, FakeFile>();
  /** Whether the file system is full. */
  full = false;
  readonly #imageSize: (imageId: string) => number | undefined;

  constructor(options: FakeDisksOptions = {}) {
    this.#imageSize = options.imageSize ?? (() => undefined);
  }

  create(
    { diskId, sizeBytes, imageId }: DiskConfig,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number }> {
    signal.throwIfAborted();
    return this.faults.around(
      "create",
      () => {
        const existing = this.#whole(diskId);
        if (existing) return { sizeBytes: existing.sizeBytes };
        const imageSize = imageId === undefined ? undefined : this.#imageSize(imageId);
        if (imageId !== undefined && imageSize === undefined) {
          throw lodgeError("REFERENCE_NOT_FOUND", `Image ${imageId} has no file.`);
        }
        const size = sizeBytes ?? imageSize;
        if (size === undefined) {
          throw lodgeError("REQUEST_INVALID", "A disk without an image needs a size.");
        }
        if (imageSize !== undefined && size < imageSize) {
          throw lodgeError("SHRINK", "The disk would be smaller than its image.");
        }
        if (this.full) {
          this.files.delete(diskId);
          throw lodgeError("DISK_FULL", "The file system of the fake has 0 bytes free.");
        }
        this.files.set(diskId, {
          sizeBytes: size,
          health: "whole",
          ...(imageId !== undefined && { imageId }),
        });
        return { sizeBytes: size };
      },
      () => {
        if (!this.#whole(diskId)) this.files.set(diskId, { sizeBytes: 0, health: "unfinished" });
      },
    );
  }

  inspect(
    diskId: string,
    signal: AbortSignal,
  ): Promise<{ readonly sizeBytes: number } | undefined> {
    signal.throwIfAborted();
    return this.faults.around("inspect", () => {
      const file = this.#whole(diskId);
      return file && { sizeBytes: file.sizeBytes };
    });
  }

  resize(diskId: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("resize", () => {
      const file = this.#needed(diskId);
      if (sizeBytes < file.sizeBytes) throw lodgeError("SHRINK", "The disk would become smaller.");
      file.sizeBytes = sizeBytes;
    });
  }

  check(diskId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("check", () => {
      const file = this.#needed(diskId);
      if (file.health === "corrupt") throw lodgeError("DISK_CORRUPT", `Disk ${diskId} is damaged.`);
      file.health = "whole";
    });
  }

  delete(diskId: string): Promise<void> {
    return this.faults.around("delete", () => {
      this.files.delete(diskId);
    });
  }

  list(): Promise<readonly string[]> {
    return this.faults.around("list", () => [...this.files.keys()].toSorted());
  }

  #whole(diskId: string): FakeFile | undefined {
    const file = this.files.get(diskId);
    return file?.health === "unfinished" ? undefined : file;
  }

  #needed(diskId: string): FakeFile {
    const file = this.#whole(diskId);
    if (!file)
      throw lodgeError("NOT_FOUND", `Disk ${diskId} has no file.`, { kind: "disk", id: diskId });
    return file;
  }
}
