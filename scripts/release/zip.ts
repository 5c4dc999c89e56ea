/** A zip archive whose bytes depend on nothing but what is in it. */
import { promisify } from "node:util";
import { crc32, deflateRaw } from "node:zlib";

/** A file in an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly executable?: true;
}

const local = 0x04034b50;
const central = 0x02014b50;
const end = 0x06054b50;
/** 1980-01-01, midnight: the first moment that the format knows. */
const date = 0x0021;
const unix = 3;
const version = 20;
const deflated = 8;
const asciiOrUtf8 = 0x0800;

/** Packs files in the order in which they come. */
export async function zip(entries: readonly ZipEntry[]): Promise<Buffer> {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, executable } of entries) {
    const packed = await promisify(deflateRaw)(data);
    const path = Buffer.from(name);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(version, 0);
    facts.writeUInt16LE(asciiOrUtf8, 2);
    facts.writeUInt16LE(deflated, 4);
    facts.writeUInt16LE(date, 8);
    facts.writeUInt32LE(crc32(data), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(data.length, 18);
    facts.writeUInt16LE(path.length, 22);
    files.push(signature(local), facts, path, packed);
    const place = Buffer.alloc(14);
    // A plain file, and who may do what with it.
    place.writeUInt32LE((executable ? 0o100755 : 0o100644) * 0x10000, 6);
    place.writeUInt32LE(at, 10);
    directory.push(signature(central), Buffer.from([version, unix]), facts, place, path);
    at += 30 + path.length + packed.length;
  }
  const index = Buffer.concat(directory);
  const tail = Buffer.alloc(18);
  tail.writeUInt16LE(entries.length, 4);
  tail.writeUInt16LE(entries.length, 6);
  tail.writeUInt32LE(index.length, 8);
  tail.writeUInt32LE(at, 12);
  return Buffer.concat([...files, index, signature(end), tail]);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
