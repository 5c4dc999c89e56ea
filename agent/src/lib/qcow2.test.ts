import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerBytes, readHeader } from "./qcow2.ts";

const fileSize = 2 ** 20;

/** The header of an empty image of 64 MiB, of version 3, with some of its fields changed. */
function header(change: (bytes: Buffer) => void = () => undefined): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write("QFI\xfb", 0, "latin1");
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(BigInt(2 ** 26), 24);
  change(bytes);
  return bytes;
}

describe("the header of an image", () => {
  it("says the format and the size", () => {
    const qcow2 = { format: "qcow2", virtualSizeBytes: 2 ** 26 };
    expect(readHeader(header(), fileSize)).toEqual(qcow2);
    expect(
      readHeader(
        header((bytes) => bytes.writeUInt32BE(2, 4)),
        fileSize,
      ),
    ).toEqual(qcow2);
    expect(readHeader(Buffer.from("anything"), 8)).toEqual({ format: "raw" });
    expect(readHeader(Buffer.from("x"), 1)).toEqual({ format: "raw" });
  });

  it("may say that clusters are compressed, or that the file was not closed well", () => {
    for (const bits of [1n, 8n, 16n]) {
      const bytes = header((bytes) => bytes.writeBigUInt64BE(bits, 72));
      expect(readHeader(bytes, fileSize).format).toBe("qcow2");
    }
  });

  it.each<readonly [string, RegExp, Buffer]>([
    ["a backing file", /backing file/, header((bytes) => bytes.writeBigUInt64BE(104n, 8))],
    [
      "a backing file in version 2",
      /backing file/,
      header((bytes) => {
        bytes.writeUInt32BE(2, 4);
        bytes.writeBigUInt64BE(72n, 8);
      }),
    ],
    ["a data file", /external data file/, header((bytes) => bytes.writeBigUInt64BE(4n, 72))],
    ["damage", /corrupt/, header((bytes) => bytes.writeBigUInt64BE(2n, 72))],
    ["encryption", /encrypted/, header((bytes) => bytes.writeUInt32BE(2, 32))],
    ["a feature of the future", /not known/, header((bytes) => bytes.writeBigUInt64BE(32n, 72))],
    ["a version of the future", /version 4/, header((bytes) => bytes.writeUInt32BE(4, 4))],
    [
      "clusters of a size that there is not",
      /damaged/,
      header((bytes) => bytes.writeUInt32BE(30, 20)),
    ],
    [
      "a size beyond all disks",
      /damaged/,
      header((bytes) => bytes.writeBigUInt64BE(2n ** 60n, 24)),
    ],
    ["an end that is too early", /cut off/, header().subarray(0, 100)],
    ["another format", /VMDK.*qemu-img convert/, Buffer.from("KDMV\0\0\0\0")],
    ["nothing", /empty/, Buffer.alloc(0)],
  ])("is refused with %s", (_, problem, bytes) => {
    const read = readHeader(bytes, bytes.length === 0 ? 0 : fileSize);
    expect(read).toEqual({ format: "refused", problem: expect.stringMatching(problem) });
  });

  it("is read or refused whatever it is", () => {
    const magics = ["", "QFI\xfb\0\0\0\x03", "QFI\xfb\0\0\0\x02", "KDMV", "<<< ", "vhdxfile"];
    fc.assert(
      fc.property(
        fc.constantFrom(...magics),
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(),
        (magic, rest, size) => {
          const bytes = Buffer.concat([Buffer.from(magic, "latin1"), rest]);
          expect(["raw", "qcow2", "refused"]).toContain(readHeader(bytes, size).format);
        },
      ),
    );
  });
});
