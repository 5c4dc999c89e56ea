/** What the beginning of a disk image's file says; offsets and bits as QEMU's `docs/interop/qcow2.txt` has them. */
const magic = 0x514649fb;
const knownIncompatible = 0b1_1001n;
const corruptBit = 0b10n;
const externalDataBit = 0b100n;

/** How much of a file `readHeader` wants to see. */
export const headerBytes = 512;

export type ImageHeader =
  | { readonly format: "raw" }
  | { readonly format: "qcow2"; readonly virtualSizeBytes: number }
  /** `problem`: why the file cannot be an image here, in words that follow its name. */
  | { readonly format: "refused"; readonly problem: string };

const otherFormats: readonly (readonly [string, string])[] = [
  ["KDMV", "VMDK"],
  ["# Disk DescriptorFile", "VMDK"],
  ["vhdxfile", "VHDX"],
  ["conectix", "VHD"],
  ["QED\0", "QED"],
  ["<<< ", "VDI"],
];

/**
 * Tells the format of an image from its first bytes. Refused are formats other than qcow2 and raw, and qcow2 files that
 * name other files, are encrypted, marked corrupt, or use features that are not known here.
 */
export function readHeader(bytes: Uint8Array, fileSize: number): ImageHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (fileSize === 0) return refused("is empty");
  const other = otherFormats.find(([start]) =>
    view.subarray(0, start.length).equals(Buffer.from(start)),
  );
  if (other && (other[1] !== "VDI" || isVdi(view))) {
    return refused(`is a ${other[1]} image; convert it with \`qemu-img convert -O qcow2\``);
  }
  if (view.length < 4 || view.readUInt32BE(0) !== magic) return { format: "raw" };
  if (view.length < 72) return refused("is a qcow2 image that was cut off");
  const version = view.readUInt32BE(4);
  if (version !== 2 && version !== 3)
    return refused(`is a qcow2 image of the unknown version ${version}`);
  if (version === 3 && view.length < 104) return refused("is a qcow2 image that was cut off");
  if (view.readBigUInt64BE(8) !== 0n) {
    return refused(
      "is a qcow2 image with a backing file; flatten it with `qemu-img convert -O qcow2`",
    );
  }
  if (view.readUInt32BE(32) !== 0) return refused("is an encrypted qcow2 image");
  const incompatible = version === 3 ? view.readBigUInt64BE(72) : 0n;
  if (incompatible & externalDataBit) {
    return refused(
      "is a qcow2 image with an external data file; convert it with `qemu-img convert -O qcow2`",
    );
  }
  if (incompatible & corruptBit) {
    return refused(
      "is a qcow2 image that is marked corrupt; repair it with `qemu-img check -r all`",
    );
  }
  if (incompatible & ~(knownIncompatible | corruptBit | externalDataBit)) {
    return refused("is a qcow2 image with features that are not known here");
  }
  const clusterBits = view.readUInt32BE(20);
  const virtualSize = view.readBigUInt64BE(24);
  if (
    clusterBits < 9 ||
    clusterBits > 21 ||
    virtualSize > 2n ** 50n ||
    fileSize < 2 ** clusterBits
  ) {
    return refused("is a damaged qcow2 image");
  }
  return { format: "qcow2", virtualSizeBytes: Number(virtualSize) };
}

/** The text at its beginning varies; this number behind it does not. */
function isVdi(view: Buffer): boolean {
  return view.length >= 68 && view.readUInt32LE(64) === 0xbeda107f;
}

function refused(problem: string): ImageHeader {
  return { format: "refused", problem };
}
