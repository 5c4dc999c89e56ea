const legacyMagic = 0x184c2102;
const blockSize = 8 * 2 ** 20;

/** Unpacks the "legacy" frame of LZ4, which is what Linux compresses itself with: blocks of 8 MiB, each by itself. */
export function unpackLz4(packed: Buffer): Buffer {
  if (packed.readUInt32LE(0) !== legacyMagic) throw new Error("is not a legacy LZ4 frame");
  const blocks: Buffer[] = [];
  let at = 4;
  while (at + 4 <= packed.length) {
    const length = packed.readUInt32LE(at);
    at += 4;
    if (length === 0 || at + length > packed.length) break;
    blocks.push(unpackBlock(packed.subarray(at, at + length)));
    at += length;
  }
  return Buffer.concat(blocks);
}

function unpackBlock(input: Buffer): Buffer {
  const output = Buffer.allocUnsafe(blockSize);
  let from = 0;
  let to = 0;
  /** Lengths of 15 go on in further bytes, as long as these are 255. */
  const longer = (short: number): number => {
    let length = short;
    if (short !== 15) return length;
    let byte: number;
    do {
      byte = input[from++]!;
      length += byte;
    } while (byte === 255);
    return length;
  };
  while (from < input.length) {
    const token = input[from++]!;
    const literals = longer(token >> 4);
    input.copy(output, to, from, from + literals);
    from += literals;
    to += literals;
    if (from >= input.length) break;
    const offset = input[from]! | (input[from + 1]! << 8);
    from += 2;
    const length = longer(token & 15) + 4;
    if (offset === 0 || offset > to || to + length > blockSize) throw new Error("is damaged LZ4");
    if (offset >= length) {
      output.copyWithin(to, to - offset, to - offset + length);
      to += length;
    } else {
      // A match may overlap what it makes, and then repeats it.
      for (let end = to + length; to < end; to++) output[to] = output[to - offset]!;
    }
  }
  return output.subarray(0, to);
}
