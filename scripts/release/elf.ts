/**
 * A copy of Node with a program in it. Node looks for a program in the notes of its own executable, and for a fuse that
 * says whether there is one; both are written here. Symbols, which nothing that runs reads, are left out on the way.
 */

const loadSegment = 1;
const noteSegment = 4;
const tableSegment = 6;
const entryBytes = 56;
/** No kernel has larger pages; what is mapped begins at a multiple of it, in the file and in memory. */
const pageBytes = 64 * 1024;
const noteName = "NODE_SEA_BLOB";
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:";

/** An entry of an executable's program header table: a part of the file, and where it lies in memory. */
interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

/**
 * The executable `node` with `blob` as its program. Throws where it is no 64-bit little-endian Linux executable at fixed
 * addresses, or has a program already.
 */
export function embedProgram(node: Buffer, blob: Buffer): Buffer {
  const segments = readSegments(node);
  const loads = segments.filter(({ type }) => type === loadSegment);
  const notes = segments.filter(({ type }) => type === noteSegment);
  const table = segments.find(({ type }) => type === tableSegment);
  if (loads.length === 0 || notes.length !== 1 || table === undefined)
    throw new Error("Node's executable is laid out in a way that is not known here");

  const end = Math.max(...loads.map(({ offset, fileBytes }) => offset + fileBytes));
  const top = Math.max(...loads.map(({ address, memoryBytes }) => address + memoryBytes));
  const [offset, address] = [roundUp(end, pageBytes), roundUp(top, pageBytes)];
  const [old] = notes as [Segment];
  const kept = node.subarray(old.offset, old.offset + old.fileBytes);
  const note = Buffer.concat([kept, padding(kept.length, 4), noteOf(blob)]);
  const size = { fileBytes: note.length, memoryBytes: note.length };
  const place = { flags: 4, offset, address, ...size };

  // The table cannot grow where it stands. Its entry for itself is the one that nothing at a fixed address needs.
  const rest = segments.filter((segment) => segment !== table && segment !== old);
  const before = rest.findLastIndex(({ type }) => type === loadSegment) + 1;
  const changed: Segment[] = [
    ...rest.slice(0, before),
    { type: loadSegment, ...place, align: pageBytes },
    ...rest.slice(before),
    { type: noteSegment, ...place, align: 4 },
  ];
  const image = Buffer.concat([node.subarray(0, end), Buffer.alloc(offset - end), note]);
  writeSegments(image, changed);
  lightFuse(image);
  return image;
}

function readSegments(elf: Buffer): readonly Segment[] {
  if (elf.length < 64 || elf.toString("latin1", 0, 6) !== "\x7fELF\x02\x01")
    throw new Error("this is no 64-bit little-endian executable");
  if (elf.readUInt16LE(16) !== 2) throw new Error("the executable has no fixed addresses");
  const first = Number(elf.readBigUInt64LE(32));
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const at = first + index * entryBytes;
    const long = (field: number) => Number(elf.readBigUInt64LE(at + field));
    return {
      type: elf.readUInt32LE(at),
      flags: elf.readUInt32LE(at + 4),
      offset: long(8),
      address: long(16),
      fileBytes: long(32),
      memoryBytes: long(40),
      align: long(48),
    };
  });
}

/** Writes the table where it stood, and forgets the sections, which the file ends before. */
function writeSegments(elf: Buffer, segments: readonly Segment[]): void {
  const first = Number(elf.readBigUInt64LE(32));
  for (const [index, segment] of segments.entries()) {
    const at = first + index * entryBytes;
    const { address, fileBytes, memoryBytes, align } = segment;
    elf.writeUInt32LE(segment.type, at);
    elf.writeUInt32LE(segment.flags, at + 4);
    for (const [field, value] of [
      segment.offset,
      address,
      address,
      fileBytes,
      memoryBytes,
      align,
    ].entries())
      elf.writeBigUInt64LE(BigInt(value), at + 8 + 8 * field);
  }
  elf.writeUInt16LE(segments.length, 56);
  elf.writeBigUInt64LE(0n, 40);
  elf.writeUInt16LE(0, 60);
  elf.writeUInt16LE(0, 62);
}

function noteOf(blob: Buffer): Buffer {
  const head = Buffer.alloc(12);
  const name = Buffer.from(`${noteName}\0`);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(blob.length, 4);
  return Buffer.concat([head, name, padding(name.length, 4), blob, padding(blob.length, 4)]);
}

function lightFuse(image: Buffer): void {
  const at = image.indexOf(`${fuse}0`);
  if (at === -1) throw new Error("the executable is no Node, or has a program already");
  image.write("1", at + fuse.length, "latin1");
}

const roundUp = (value: number, to: number) => Math.ceil(value / to) * to;
const padding = (length: number, to: number) => Buffer.alloc(roundUp(length, to) - length);
