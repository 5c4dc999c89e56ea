/** A disk's file as it must be. */
export interface DiskConfig {
  readonly diskId: string;
  /** Absent: as large as the image. */
  readonly sizeBytes?: number;
  readonly imageId?: string;
}

/** Disk files. Everything may be repeated; a file exists whole or not at all. */
export interface Disks {
  /** Makes the file. Throws RESOURCE_EXHAUSTED (reason DISK_FULL) naming the file system; nothing is left then. */
  create(disk: DiskConfig, signal: AbortSignal): Promise<{ readonly sizeBytes: number }>;
  /** Undefined where there is no file. */
  inspect(diskId: string, signal: AbortSignal): Promise<{ readonly sizeBytes: number } | undefined>;
  /** Grows a file that no guest has open. */
  resize(diskId: string, sizeBytes: number, signal: AbortSignal): Promise<void>;
  /** Mends what a killed QEMU left (leaked clusters); throws DATA_LOSS (reason DISK_CORRUPT) where more is wrong. */
  check(diskId: string, signal: AbortSignal): Promise<void>;
  delete(diskId: string): Promise<void>;
  /** Ids of the disks that have a file, unfinished ones included. */
  list(): Promise<readonly string[]>;
}
