import { crc32, inflateRawSync } from "node:zlib";

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endLength = 22;
const maxComment = 0xffff;

/**
 * One file out of a zip archive, checked against the archive's own sum. Stored and deflated entries, without encryption
 * and below 4 GiB; anything else throws.
 */
export function unzipEntry(archive: Buffer, name: string): Buffer {
  const end = findEnd(archive);
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let index = 0; index < count; index++) {
    if (archive.readUInt32LE(at) !== entrySignature) throw new Error("The zip archive is damaged.");
    const nameLength = archive.readUInt16LE(at + 28);
    const entryName = archive.toString("utf8", at + 46, at + 46 + nameLength);
    if (entryName === name) return extract(archive, at, name);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`The zip archive has no ${name}.`);
}

function findEnd(archive: Buffer): number {
  const first = Math.max(0, archive.length - endLength - maxComment);
  for (let at = archive.length - endLength; at >= first; at--) {
    if (archive.readUInt32LE(at) === endSignature) return at;
  }
  throw new Error("This is no zip archive.");
}

/** The central directory has the sizes; only the local header knows where the bytes begin. */
function extract(archive: Buffer, entry: number, name: string): Buffer {
  const flags = archive.readUInt16LE(entry + 8);
  const method = archive.readUInt16LE(entry + 10);
  const sum = archive.readUInt32LE(entry + 16);
  const packed = archive.readUInt32LE(entry + 20);
  const size = archive.readUInt32LE(entry + 24);
  const local = archive.readUInt32LE(entry + 42);
  if (archive.readUInt32LE(local) !== localSignature)
    throw new Error("The zip archive is damaged.");
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const bytes = archive.subarray(start, start + packed);
  if (flags & 1 || (method !== 0 && method !== 8)) {
    throw new Error(`${name} is packed in a way that is not understood here (method ${method}).`);
  }
  const content =
    method === 0 ? bytes : inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) });
  if (content.length !== size || crc32(content) !== sum)
    throw new Error(`${name} is damaged in the zip archive.`);
  return Buffer.from(content);
}
