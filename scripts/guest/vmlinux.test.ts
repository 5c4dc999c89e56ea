import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { unpackLz4 } from "./lz4.ts";
import { extractVmlinux } from "./vmlinux.ts";

const elf = Buffer.concat([Buffer.from("\x7fELF", "latin1"), Buffer.alloc(5000, "kernel ")]);

/** A bzImage with such a payload: two sectors of set-up code, and a header that says where the payload is. */
function bzImage(payload: Buffer): Buffer {
  const head = Buffer.alloc(3 * 512 + 100);
  head[0x1f1] = 2;
  head.write("HdrS", 0x202, "latin1");
  head.writeUInt32LE(100, 0x248);
  head.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([head, payload, Buffer.from("what follows")]);
}
function withSize(packed: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(elf.length);
  return Buffer.concat([packed, size]);
}
/** A legacy frame of one block that repeats nothing. */
function lz4(data: Buffer): Buffer {
  const length = data.length - 15;
  const rest = [...Array<number>(Math.floor(length / 255)).fill(255), length % 255];
  const block = Buffer.concat([Buffer.from([0xf0, ...rest]), data]);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184c2102, 0);
  head.writeUInt32LE(block.length, 4);
  return Buffer.concat([head, block]);
}

describe("a kernel", () => {
  it.each([
    ["LZ4", withSize(lz4(elf))],
    ["zstd", withSize(zstdCompressSync(elf))],
    ["gzip", gzipSync(elf)],
  ])("is unpacked where it is compressed with %s", (_, payload) => {
    expect(extractVmlinux(bzImage(payload)).equals(elf)).toBe(true);
  });

  it("is taken as it is where it is not compressed", () => {
    expect(extractVmlinux(elf)).toBe(elf);
  });

  it("is refused where it is none, or compressed otherwise", () => {
    expect(() => extractVmlinux(Buffer.alloc(4096))).toThrow("no bzImage");
    expect(() => extractVmlinux(Buffer.alloc(8))).toThrow("no bzImage");
    const xz = Buffer.from("\xfd7zXZ\0 and more", "latin1");
    expect(() => extractVmlinux(bzImage(xz))).toThrow("fd377a58");
    expect(() => extractVmlinux(bzImage(gzipSync("text")))).toThrow("no ELF");
  });
});

describe("LZ4", () => {
  const frame = (...blocks: readonly number[][]): Buffer => {
    const parts = blocks.map((block) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(block.length);
      return Buffer.concat([length, Buffer.from(block)]);
    });
    return Buffer.concat([Buffer.from([0x02, 0x21, 0x4c, 0x18]), ...parts]);
  };
  const letters = (text: string): number[] => [...Buffer.from(text)];

  it("repeats what came before, also what it is just making", () => {
    // "ab", then eight bytes from two back, then "!".
    const block = [0x24, ...letters("ab"), 2, 0, 0x10, ...letters("!")];
    expect(unpackLz4(frame(block)).toString()).toBe("abababababab!".slice(0, 10) + "!");
    // "abcdefgh", then five bytes from eight back.
    const far = [0x81, ...letters("abcdefgh"), 8, 0, 0x00];
    expect(unpackLz4(frame(far)).toString()).toBe("abcdefghabcde");
  });

  it("has lengths that go on", () => {
    // One literal, then 4 + 15 + 255 + 3 bytes from one back.
    const block = [0x1f, ...letters("x"), 1, 0, 255, 3, 0x00];
    expect(unpackLz4(frame(block)).toString()).toBe("x".repeat(1 + 4 + 15 + 255 + 3));
  });

  it("has several blocks, each by itself", () => {
    const block = [0x20, ...letters("ab")];
    expect(unpackLz4(frame(block, block)).toString()).toBe("abab");
  });

  it("is refused where it is damaged", () => {
    expect(() => unpackLz4(Buffer.from("nothing of it"))).toThrow("legacy LZ4");
    expect(() => unpackLz4(frame([0x14, ...letters("a"), 9, 0, 0x00]))).toThrow("damaged");
    expect(() => unpackLz4(frame([0x14, ...letters("a"), 0, 0, 0x00]))).toThrow("damaged");
  });
});
