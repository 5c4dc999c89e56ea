/** What the file itself says. */
export interface ImageFacts {
  readonly sha256: string;
  readonly format: "qcow2" | "raw";
  readonly sizeBytes: number;
  readonly virtualSizeBytes: number;
}

/** A word that becomes another one when a file is replaced or written to. */
export type FileMark = string;

/**
 * Image files: read once from where they come, verified, then immutable. Refused are qcow2 files that name
 * other files (backing or data files), since a guest could read those through them.
 */
export interface Images {
  /** The directories that images may be copied from. */
  readonly roots: readonly string[];
  /** The mark of a file. Throws INVALID_ARGUMENT (reason PATH_NOT_ALLOWED, PATH_NOT_FOUND) for a path outside the roots, through a symlink, or of no regular file. */
  checkPath(hostPath: string): Promise<FileMark>;
  /** Copies a file of the host. Throws as checkPath, INVALID_ARGUMENT (reason DIGEST_MISMATCH, both digests named), RESOURCE_EXHAUSTED (reason DISK_FULL). */
  copy(
    image: { readonly imageId: string; readonly hostPath: string; readonly sha256?: string },
    signal: AbortSignal,
  ): Promise<ImageFacts>;
  /**
   * Writes what a client sends, as copy does. Throws INVALID_ARGUMENT (reason SIZE_MISMATCH) where the size differs, and
   * RESOURCE_EXHAUSTED (reason DISK_FULL) before the first chunk where there is no room for the size.
   */
  receive(
    image: { readonly imageId: string; readonly sizeBytes: number; readonly sha256?: string },
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ImageFacts>;
  /** Undefined where there is no finished file. */
  inspect(imageId: string, signal: AbortSignal): Promise<ImageFacts | undefined>;
  delete(imageId: string): Promise<void>;
  /** Ids of the images that have a file, unfinished ones included. */
  list(): Promise<readonly string[]>;
}
