const loadAddress = 0x100000;
const headerSize = 64;
const programHeaderSize = 56;

/**
 * A kernel of a few bytes that QEMU starts directly (an ELF file with a PVH entry): it counts down from `loops`, writes
 * to the port of QEMU's `isa-debug-exit`, and so ends QEMU with exit code 99. How long that takes says whether KVM
 * runs guests or emulates them.
 */
export function probeKernel(loops: number): Buffer {
  // mov ecx, loops; dec ecx; jnz to the dec; mov edx, 0x501; mov al, 0x31; out dx, al; hlt, for ever
  const code = Buffer.from("b9000000004975fdba01050000b031eef4ebfd", "hex");
  code.writeUInt32LE(loops, 1);
  const note = Buffer.alloc(20);
  note.writeUInt32LE(4, 0); // length of the name
  note.writeUInt32LE(4, 4); // length of the value
  note.writeUInt32LE(18, 8); // XEN_ELFNOTE_PHYS32_ENTRY
  note.write("Xen\0", 12, "latin1");
  note.writeUInt32LE(loadAddress, 16);

  const start = headerSize + 2 * programHeaderSize;
  const header = Buffer.alloc(headerSize);
  header.write("\x7fELF\x02\x01\x01", 0, "latin1");
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(62, 18); // for x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(loadAddress), 24);
  header.writeBigUInt64LE(BigInt(headerSize), 32); // the program headers follow
  header.writeUInt16LE(headerSize, 52);
  header.writeUInt16LE(programHeaderSize, 54);
  header.writeUInt16LE(2, 56);
  return Buffer.concat([
    header,
    programHeader(1, start, code.length),
    programHeader(4, start + code.length, note.length),
    code,
    note,
  ]);
}

function programHeader(type: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(programHeaderSize);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(7, 4);
  header.writeBigUInt64LE(BigInt(offset), 8);
  header.writeBigUInt64LE(BigInt(loadAddress), 16);
  header.writeBigUInt64LE(BigInt(loadAddress), 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(4n, 48);
  return header;
}
