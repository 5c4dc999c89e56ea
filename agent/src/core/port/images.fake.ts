import { createHash } from "node:crypto";
import { normalize } from "node:path";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { headerBytes, readHeader } from "../../lib/qcow2.ts";
import { Faults } from "./faults.fake.ts";
import type { FileMark, ImageFacts, Images } from "./images.ts";

export interface FakeImagesOptions {
  /** Default `/images`. */
  readonly roots?: readonly string[];
}

/** Image files in memory. They outlive the agent: give the same ones to its next life. */
export class FakeImages implements Images {
  readonly faults = new Faults<Exclude<keyof Images, "roots">>();
  readonly roots: readonly string[];
  /** The files of the host by their path; a string is where a symbolic link leads. */
  readonly hostFiles = new Map<string, Uint8Array | string>();
  /** The images by id. */
  readonly files = new Map<string, ImageFacts | "unfinished">();
  /** Whether the file system is full. */
  full = false;

  constructor(options: FakeImagesOptions = {}) {
    this.roots = options.roots ?? ["/images"];
  }

  checkPath(hostPath: string): Promise<FileMark> {
    return this.faults.around("checkPath", () =>
      createHash("sha256").update(this.#hostFile(hostPath)).digest("hex"),
    );
  }

  copy(
    image: { readonly imageId: string; readonly hostPath: string; readonly sha256?: string },
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    signal.throwIfAborted();
    return this.faults.around(
      "copy",
      () => this.#finished(image.imageId) ?? this.#store(image, this.#hostFile(image.hostPath)),
      () => this.#leaveHalf(image.imageId),
    );
  }

  receive(
    image: { readonly imageId: string; readonly sizeBytes: number; readonly sha256?: string },
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    signal.throwIfAborted();
    return this.faults.around(
      "receive",
      async () => {
        const finished = this.#finished(image.imageId);
        if (finished) return finished;
        if (this.full) throw diskFull();
        const parts: Uint8Array[] = [];
        for await (const chunk of chunks) parts.push(chunk);
        const bytes = Buffer.concat(parts);
        if (bytes.length !== image.sizeBytes) {
          const words = `${image.sizeBytes} bytes were announced and ${bytes.length} came`;
          throw lodgeError("SIZE_MISMATCH", words);
        }
        return this.#store(image, bytes);
      },
      () => this.#leaveHalf(image.imageId),
    );
  }

  inspect(imageId: string, signal: AbortSignal): Promise<ImageFacts | undefined> {
    signal.throwIfAborted();
    return this.faults.around("inspect", () => this.#finished(imageId));
  }

  delete(imageId: string): Promise<void> {
    return this.faults.around("delete", () => {
      this.files.delete(imageId);
    });
  }

  list(): Promise<readonly string[]> {
    return this.faults.around("list", () => [...this.files.keys()].toSorted());
  }

  #finished(imageId: string): ImageFacts | undefined {
    const file = this.files.get(imageId);
    return file === "unfinished" ? undefined : file;
  }

  #leaveHalf(imageId: string): void {
    if (!this.#finished(imageId)) this.files.set(imageId, "unfinished");
  }

  #hostFile(path: string): Uint8Array {
    const inside = this.roots.some((root) => path.startsWith(`${root}/`));
    const file = inside && normalize(path) === path ? this.hostFiles.get(path) : "";
    if (file === undefined) throw lodgeError("PATH_NOT_FOUND", `There is no file ${path}.`);
    if (typeof file === "string") throw lodgeError("PATH_NOT_ALLOWED", `${path} is not allowed.`);
    return file;
  }

  #store(
    { imageId, sha256 }: { readonly imageId: string; readonly sha256?: string },
    bytes: Uint8Array,
  ): ImageFacts {
    this.files.delete(imageId);
    if (this.full) throw diskFull();
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (sha256 !== undefined && sha256 !== digest) {
      throw lodgeError("DIGEST_MISMATCH", `The digest is ${digest}, not ${sha256}.`);
    }
    const header = readHeader(bytes.subarray(0, headerBytes), bytes.length);
    if (header.format === "refused") {
      throw lodgeError("IMAGE_REFUSED", `The file ${header.problem}.`);
    }
    const facts: ImageFacts = {
      sha256: digest,
      format: header.format,
      sizeBytes: bytes.length,
      virtualSizeBytes:
        header.format === "qcow2" ? header.virtualSizeBytes : Math.ceil(bytes.length / 512) * 512,
    };
    this.files.set(imageId, facts);
    return facts;
  }
}

const diskFull = (): Error =>
  lodgeError("DISK_FULL", "The file system of the fake has 0 bytes free.");
