import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import {
  chmod,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { join } from "node:path";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { FileMark, ImageFacts, Images } from "../../core/port/images.ts";
import { diskFull, freeBytes, isDiskFull } from "../../lib/disk-space.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { Mutex } from "../../lib/mutex.ts";
import { readHeader } from "../../lib/qcow2.ts";
import { syncFile } from "../../lib/sync-file.ts";
import { openAllowed } from "./allowed-path.ts";
import { digestImage, readChunks, writeImage, type Written } from "./image-writer.ts";

export interface FileImagesOptions {
  readonly layout: Layout;
  /** Absolute paths of the directories that images may be copied from. */
  readonly roots: readonly string[];
}

interface Wanted {
  readonly imageId: string;
  readonly sha256?: string;
}

/**
 * Images as files, one beside another with what is known of it. An image exists when both are there; its file is never
 * written again. What a file says of itself is read by our own few lines and never by QEMU, whom a file could lead to others.
 */
export class FileImages implements Images {
  readonly roots: readonly string[];
  readonly #layout: Layout;
  readonly #finishing = new Mutex();
  /** Files that this process is writing. */
  readonly #writing = new Set<string>();

  constructor({ layout, roots }: FileImagesOptions) {
    this.roots = roots;
    this.#layout = layout;
  }

  async checkPath(hostPath: string): Promise<FileMark> {
    await using file = await openAllowed(this.roots, hostPath);
    const { dev, ino, size, mtimeNs } = await file.stat({ bigint: true });
    return [dev, ino, size, mtimeNs].join(":");
  }

  async copy(
    image: Wanted & { readonly hostPath: string },
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    const finished = await this.inspect(image.imageId, signal);
    if (finished) return finished;
    await using source = await openAllowed(this.roots, image.hostPath);
    return await this.#take(image, (part) => copyTo(source, part, signal), signal);
  }

  async receive(
    image: Wanted & { readonly sizeBytes: number },
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    const finished = await this.inspect(image.imageId, signal);
    if (finished) return finished;
    await this.#refuseWithoutRoom(image);
    const exact = exactly(chunks, image.sizeBytes);
    return this.#take(image, (part) => writeImage(part, exact, signal), signal);
  }

  async inspect(imageId: string, signal: AbortSignal): Promise<ImageFacts | undefined> {
    signal.throwIfAborted();
    try {
      const text = await readFile(paths.imageFacts(this.#layout, imageId), "utf8");
      const facts = JSON.parse(text) as ImageFacts;
      const { size } = await stat(paths.image(this.#layout, imageId));
      return size === facts.sizeBytes ? facts : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async delete(imageId: string): Promise<void> {
    // Without its facts it does not exist any more, whatever happens then.
    await rm(paths.imageFacts(this.#layout, imageId), { force: true });
    for (const part of await this.#unfinished(imageId)) await rm(part, { force: true });
    await rm(paths.image(this.#layout, imageId), { force: true });
  }

  async list(): Promise<readonly string[]> {
    const files = await readdir(paths.images(this.#layout)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return [];
        throw error;
      },
    );
    return [...new Set(files.map((file) => file.split(".")[0]!))].toSorted();
  }

  /** Gigabytes that would not fit in the end need not come first. */
  async #refuseWithoutRoom({ imageId, sizeBytes }: Wanted & { readonly sizeBytes: number }) {
    const directory = paths.images(this.#layout);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if ((await freeBytes(directory)) >= sizeBytes) return;
    const mebibytes = Math.ceil(sizeBytes / 2 ** 20);
    throw await diskFull(directory, `image ${imageId} with its ${mebibytes} MiB`);
  }

  /** Writes an image under another name, holds it against what is wanted, and only then lets it exist. */
  async #take(
    { imageId, sha256 }: Wanted,
    write: (part: string) => Promise<Written>,
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    const directory = paths.images(this.#layout);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // A name of its own: a client that lost its connection may send the same image again meanwhile.
    const part = `${paths.image(this.#layout, imageId)}.${randomUUID()}.part`;
    const parts = [part, `${part}.json`];
    for (const path of parts) this.#writing.add(path);
    try {
      // What an agent that died was writing.
      for (const path of await this.#unfinished(imageId)) {
        if (!this.#writing.has(path)) await rm(path, { force: true });
      }
      const written = await write(part);
      signal.throwIfAborted();
      const facts = judge(imageId, written, sha256);
      await chmod(part, 0o444);
      await syncFile(part);
      return await this.#finishing.run(() => this.#finish(imageId, part, facts, signal));
    } catch (error) {
      throw isDiskFull(error) ? await diskFull(directory, `image ${imageId}`, error) : error;
    } finally {
      for (const path of parts) {
        await rm(path, { force: true });
        this.#writing.delete(path);
      }
    }
  }

  /** Gives a verified file its name. Of two that were sent for one image, the first to get here is the image. */
  async #finish(
    imageId: string,
    part: string,
    facts: ImageFacts,
    signal: AbortSignal,
  ): Promise<ImageFacts> {
    const finished = await this.inspect(imageId, signal);
    if (finished) return finished;
    await rename(part, paths.image(this.#layout, imageId));
    await writeFile(`${part}.json`, JSON.stringify(facts), { flush: true });
    await rename(`${part}.json`, paths.imageFacts(this.#layout, imageId));
    await syncFile(paths.images(this.#layout));
    return facts;
  }

  async #unfinished(imageId: string): Promise<readonly string[]> {
    const directory = paths.images(this.#layout);
    const files = await readdir(directory).catch(() => []);
    return files
      .filter((file) => file.startsWith(`${imageId}.`) && file.includes(".part"))
      .map((file) => join(directory, file));
  }
}

/** Shares the blocks of the file where the file system can, else writes them anew. */
async function copyTo(source: FileHandle, part: string, signal: AbortSignal): Promise<Written> {
  await rm(part, { force: true });
  // By its descriptor, so that it is the very file that was judged.
  const cloned = await copyFile(
    `/proc/self/fd/${source.fd}`,
    part,
    constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL,
  ).then(
    () => true,
    () => false,
  );
  if (!cloned) return writeImage(part, readChunks(source), signal);
  await using clone = await open(part);
  return digestImage(clone, signal);
}

/** Passes the chunks on, and throws as soon as there are more or, at the end, fewer bytes than announced. */
async function* exactly(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): AsyncIterable<Uint8Array> {
  let came = 0;
  for await (const chunk of chunks) {
    came += chunk.length;
    if (came > sizeBytes) break;
    yield chunk;
  }
  if (came !== sizeBytes) {
    const words = came > sizeBytes ? "more" : String(came);
    throw lodgeError("SIZE_MISMATCH", `${sizeBytes} bytes were announced, and ${words} came`);
  }
}

function judge(imageId: string, written: Written, wanted: string | undefined): ImageFacts {
  const { sha256, sizeBytes, start } = written;
  if (wanted !== undefined && wanted !== sha256) {
    throw lodgeError("DIGEST_MISMATCH", `the file's SHA-256 digest is ${sha256}, not ${wanted}`, {
      kind: "image",
      id: imageId,
      remedy: "Correct sha256, or fetch the file again.",
    });
  }
  const header = readHeader(start, sizeBytes);
  if (header.format === "refused") {
    throw lodgeError("IMAGE_REFUSED", `the file ${header.problem}`, { kind: "image", id: imageId });
  }
  const { format } = header;
  // QEMU counts in sectors.
  const virtualSizeBytes =
    header.format === "qcow2" ? header.virtualSizeBytes : Math.ceil(sizeBytes / 512) * 512;
  return { sha256, format, sizeBytes, virtualSizeBytes };
}
