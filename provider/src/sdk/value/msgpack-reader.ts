import { ValueError } from "./error.ts";
import type { Path } from "./path.ts";

/** What kind of thing stands next in the bytes. */
export type MsgpackKind =
  | "nil"
  | "bool"
  | "int"
  | "float"
  | "string"
  | "binary"
  | "array"
  | "map"
  | "extension"
  | "invalid";

const FIXED: Readonly<Record<number, MsgpackKind>> = {
  0xc0: "nil",
  0xc2: "bool",
  0xc3: "bool",
  0xc4: "binary",
  0xc5: "binary",
  0xc6: "binary",
  0xc7: "extension",
  0xc8: "extension",
  0xc9: "extension",
  0xca: "float",
  0xcb: "float",
  0xcc: "int",
  0xcd: "int",
  0xce: "int",
  0xcf: "int",
  0xd0: "int",
  0xd1: "int",
  0xd2: "int",
  0xd3: "int",
  0xd4: "extension",
  0xd5: "extension",
  0xd6: "extension",
  0xd7: "extension",
  0xd8: "extension",
  0xd9: "string",
  0xda: "string",
  0xdb: "string",
  0xdc: "array",
  0xdd: "array",
  0xde: "map",
  0xdf: "map",
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads MessagePack one item at a time; the caller knows what it expects. Every length is checked
 * against the bytes that are left, so that garbage ends in a {@link ValueError}, never in a huge
 * allocation.
 */
export class MsgpackReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Whether everything has been read. */
  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The kind of the next item, which is not consumed. */
  kind(path: Path): MsgpackKind {
    const head = this.#bytes[this.#offset];
    if (head === undefined) throw new ValueError("value is cut short", path);
    if (head <= 0x7f || head >= 0xe0) return "int";
    if (head <= 0x8f) return "map";
    if (head <= 0x9f) return "array";
    if (head <= 0xbf) return "string";
    return FIXED[head] ?? "invalid";
  }

  /** Consumes a nil, a bool or an item whose head says everything. @returns the head byte. */
  head(path: Path): number {
    return this.#take(1, path)[0]!;
  }

  /** Consumes an integer of any width. */
  int(path: Path): number | bigint {
    const head = this.head(path);
    if (head <= 0x7f) return head;
    if (head >= 0xe0) return head - 0x100;
    const width = [1, 2, 4, 8][(head - 0xcc) % 4]!;
    const at = this.#offset;
    this.#take(width, path);
    switch (head) {
      case 0xcc:
        return this.#view.getUint8(at);
      case 0xcd:
        return this.#view.getUint16(at);
      case 0xce:
        return this.#view.getUint32(at);
      case 0xcf:
        return this.#view.getBigUint64(at);
      case 0xd0:
        return this.#view.getInt8(at);
      case 0xd1:
        return this.#view.getInt16(at);
      case 0xd2:
        return this.#view.getInt32(at);
      default:
        return this.#view.getBigInt64(at);
    }
  }

  /** Consumes a float of 32 or 64 bits. */
  float(path: Path): number {
    const head = this.head(path);
    const at = this.#offset;
    this.#take(head === 0xca ? 4 : 8, path);
    return head === 0xca ? this.#view.getFloat32(at) : this.#view.getFloat64(at);
  }

  /** Consumes a string. @throws ValueError when it is not valid UTF-8. */
  string(path: Path): string {
    const head = this.head(path);
    const length = head <= 0xbf ? head & 0x1f : this.#length(head - 0xd9, path);
    const bytes = this.#take(length, path);
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new ValueError("string is not valid UTF-8", path, { cause });
    }
  }

  /** Consumes binary bytes. */
  binary(path: Path): Uint8Array {
    return this.#take(this.#length(this.head(path) - 0xc4, path), path);
  }

  /** Consumes the head of an array. @returns how many items follow. */
  array(path: Path): number {
    const head = this.head(path);
    const length = head <= 0x9f ? head & 0x0f : this.#length(head - 0xdc + 1, path);
    return this.#items(length, path);
  }

  /** Consumes the head of a map. @returns how many pairs of key and value follow. */
  map(path: Path): number {
    const head = this.head(path);
    const length = head <= 0x8f ? head & 0x0f : this.#length(head - 0xde + 1, path);
    this.#items(length * 2, path);
    return length;
  }

  /** Consumes an extension. */
  extension(path: Path): { readonly type: number; readonly data: Uint8Array } {
    const head = this.head(path);
    const length = head >= 0xd4 ? 2 ** (head - 0xd4) : this.#length(head - 0xc7, path);
    const type = this.head(path);
    return { type: type > 0x7f ? type - 0x100 : type, data: this.#take(length, path) };
  }

  /** Consumes one item with everything inside. */
  skip(path: Path): void {
    for (let left = 1; left > 0; left--) {
      const kind = this.kind(path);
      if (kind === "array") left += this.array(path);
      else if (kind === "map") left += 2 * this.map(path);
      else if (kind === "int") this.int(path);
      else if (kind === "float") this.float(path);
      else if (kind === "string") this.string(path);
      else if (kind === "binary") this.binary(path);
      else if (kind === "extension") this.extension(path);
      else this.head(path);
    }
  }

  #length(widthLog2: number, path: Path): number {
    const at = this.#offset;
    this.#take(2 ** widthLog2, path);
    if (widthLog2 === 0) return this.#view.getUint8(at);
    return widthLog2 === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #items(count: number, path: Path): number {
    if (count > this.#bytes.length - this.#offset) throw new ValueError("value is cut short", path);
    return count;
  }

  #take(length: number, path: Path): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new ValueError("value is cut short", path);
    const bytes = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return bytes;
  }
}
