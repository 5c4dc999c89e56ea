import { readFile, rename, writeFile } from "node:fs/promises";
import * as z from "zod";

/** One object as the store keeps it: normalised, so that spellings are lost as with a real backend. */
export interface StoredItem {
  readonly id: string;
  readonly name: string;
  /** Bytes, as decimal text. */
  readonly size: string;
  readonly zone: string;
  readonly address: string;
  readonly revision: number;
  readonly passwordVersion: number | null;
  /** What the password was when it was last set. */
  readonly password: string | null;
  /** Everything that is kept as it was written. */
  readonly rest: Readonly<Record<string, unknown>>;
}

type Items = Readonly<Record<string, StoredItem>>;

/**
 * A backend in one JSON file. Every change is a whole new file under the old name, so that a
 * killed process leaves the one or the other.
 */
export class MemoryStore {
  readonly #path: string;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param path the file; it is made with the first object */
  constructor(path: string) {
    this.#path = path;
  }

  async items(): Promise<Items> {
    try {
      return JSON.parse(await readFile(this.#path, "utf8")) as Items;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      throw error;
    }
  }

  async get(id: string): Promise<StoredItem | undefined> {
    const items = await this.items();
    return Object.hasOwn(items, id) ? items[id] : undefined;
  }

  /** Changes one object, or removes it; one change at a time. */
  change<T extends StoredItem | undefined>(
    id: string,
    make: (before: StoredItem | undefined) => T,
  ): Promise<T> {
    const turn = this.#turn.then(async () => {
      const { [id]: before, ...others } = await this.items();
      const after = make(before);
      const text = JSON.stringify(after === undefined ? others : { ...others, [id]: after });
      const draft = `${this.#path}.${process.pid}.new`;
      await writeFile(draft, text);
      await rename(draft, this.#path);
      return after;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

const UNITS: Readonly<Record<string, bigint>> = {
  B: 1n,
  KiB: 2n ** 10n,
  MiB: 2n ** 20n,
  GiB: 2n ** 30n,
};

/** Bytes of a size such as "4GiB". */
export function parseSize(text: string): bigint | undefined {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)$/u.exec(text);
  return match === null ? undefined : BigInt(match[1]!) * UNITS[match[2]!]!;
}

/** The shortest spelling of a number of bytes. */
export function formatSize(bytes: bigint): string {
  const unit = Object.entries(UNITS).findLast(([, factor]) => bytes > 0n && bytes % factor === 0n);
  return unit === undefined ? `${bytes}B` : `${bytes / unit[1]}${unit[0]}`;
}

/** A size as users write it, bytes inside. */
export const size = z.codec(z.string(), z.bigint().min(1n), {
  decode: (text, context) => {
    const bytes = parseSize(text);
    if (bytes !== undefined) return bytes;
    context.issues.push({ code: "custom", input: text, message: 'must be a size such as "4GiB"' });
    return z.NEVER;
  },
  encode: formatSize,
});
