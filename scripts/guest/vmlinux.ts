import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { unpackLz4 } from "./lz4.ts";

const elfMagic = 0x464c457f;

/**
 * Takes the uncompressed kernel (an ELF file with a PVH entry) out of a bzImage: an emulated guest starts up to half a
 * second sooner when it need not unpack itself. Throws an Error that says what the file has instead.
 */
export function extractVmlinux(bzImage: Buffer): Buffer {
  if (bzImage.readUInt32LE(0) === elfMagic) return bzImage;
  if (bzImage.length < 0x260 || bzImage.toString("latin1", 0x202, 0x206) !== "HdrS") {
    throw new Error("the kernel is no bzImage for x86");
  }
  const setupSectors = bzImage[0x1f1]! || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c));
  const vmlinux = unpack(payload);
  if (vmlinux.length < 4 || vmlinux.readUInt32LE(0) !== elfMagic) {
    throw new Error("the kernel's payload is no ELF file");
  }
  return vmlinux;
}

function unpack(payload: Buffer): Buffer {
  // The last four bytes are the unpacked size, added by the kernel's build behind what the compressor wrote.
  const packed = payload.subarray(0, -4);
  switch (packed.readUInt32BE(0)) {
    case 0x02214c18:
      return unpackLz4(packed);
    case 0x28b52ffd:
      return zstdDecompressSync(packed);
    default:
      if (packed.readUInt16BE(0) === 0x1f8b) return gunzipSync(payload);
      throw new Error(
        `the kernel is compressed in a way not known here (${packed.toString("hex", 0, 4)}); LZ4, zstd and gzip are`,
      );
  }
}
