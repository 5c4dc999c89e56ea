import { watch } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { untilAborted } from "@lodge/schemas/rpc/abort.ts";
import { consoleFiles } from "../../lib/layout.ts";

const chunkBytes = 64 * 1024;
/** Milliseconds between looks at a file that nothing was heard of: not every file system tells of changes. */
const lookInterval = 1_000;

/**
 * Follows what a guest printed through its two files: when `console.log` is full, it becomes `console.old` and a new one
 * begins. Every reader goes its own way, and so can be slow without holding up a guest or another reader; one
 * that is slower than the guest prints misses what was dropped meanwhile.
 */
export class ConsoleReader implements AsyncDisposable {
  readonly #directory: string;
  readonly #log: string;
  readonly #old: string;
  #current: FileHandle | undefined;
  #inode = 0;
  #position = 0;

  /** @param directory where the two files are, or will be. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#log = join(directory, consoleFiles.log);
    this.#old = join(directory, consoleFiles.old);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.close();
    this.#current = undefined;
  }

  /** Everything that is there now and was not read yet. */
  async *rest(): AsyncIterable<Uint8Array> {
    if (!this.#current) await this.#openFirst();
    for (;;) {
      yield* this.#drain();
      if (!(await this.#isReplaced())) return;
      // It was full before it was replaced, but perhaps not when it was drained.
      yield* this.#drain();
      if (!(await this.#openNext())) return;
    }
  }

  /** Waits until something was printed, perhaps. */
  async changed(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, lookInterval);
    const watcher = watchDirectory(this.#directory, resolve);
    try {
      // What was printed just before the watch began is not told of.
      if (await this.#hasMore()) return;
      await untilAborted(promise, signal);
    } finally {
      clearTimeout(timer);
      watcher?.close();
    }
  }

  /** The old file, where there is one; it is opened after the new one, which may become it at any moment. */
  async #openFirst(): Promise<void> {
    const log = await openFile(this.#log);
    const old = await openFile(this.#old);
    if (old && (!log || old.inode !== log.inode)) {
      await log?.file.close();
      this.#use(old);
    } else {
      await old?.file.close();
      this.#use(log);
    }
  }

  /** The file after the current one. @returns whether there is one. */
  async #openNext(): Promise<boolean> {
    const log = await openFile(this.#log);
    const old = await openFile(this.#old);
    const missed = old !== undefined && old.inode !== this.#inode;
    const next = missed && (!log || old.inode !== log.inode) ? old : log;
    if (log !== next) await log?.file.close();
    if (old !== next) await old?.file.close();
    if (!next || next.inode === this.#inode) {
      await next?.file.close();
      return false;
    }
    await this.#current?.close();
    this.#use(next);
    return true;
  }

  #use(next: OpenFile | undefined): void {
    this.#current = next?.file;
    this.#inode = next?.inode ?? 0;
    this.#position = 0;
  }

  async *#drain(): AsyncIterable<Uint8Array> {
    while (this.#current) {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await this.#current.read(buffer, 0, chunkBytes, this.#position);
      if (bytesRead === 0) return;
      this.#position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async #isReplaced(): Promise<boolean> {
    const log = await stat(this.#log).catch(() => undefined);
    return log !== undefined && log.ino !== this.#inode;
  }

  async #hasMore(): Promise<boolean> {
    if (await this.#isReplaced()) return true;
    if (!this.#current) return false;
    const { size } = await this.#current.stat();
    return size > this.#position;
  }
}

interface OpenFile {
  readonly file: FileHandle;
  readonly inode: number;
}

async function openFile(path: string): Promise<OpenFile | undefined> {
  try {
    const file = await open(path);
    return { file, inode: (await file.stat()).ino };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Where the kernel has no watch left to give, the interval has to do. */
function watchDirectory(path: string, onChange: () => void): { close(): void } | undefined {
  try {
    return watch(path, { persistent: false }, onChange).on("error", onChange);
  } catch {
    return undefined;
  }
}
