const utf8 = new TextEncoder();

/** Writes MessagePack into a buffer that grows, always in the most compact form. */
export class MsgpackWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What has been written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  nil(): void {
    this.#byte(0xc0);
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  /** A whole number between -2^63 and 2^64-1. */
  int(value: number | bigint): void {
    if (value >= -0x20 && value <= 0x7f) this.#byte(Number(value) & 0xff);
    else if (value >= 0) this.#unsigned(value);
    else this.#signed(value);
  }

  float(value: number): void {
    const at = this.#head(0xcb, 8);
    this.#view.setFloat64(at, value);
  }

  string(value: string): void {
    const bytes = utf8.encode(value);
    if (bytes.length < 0x20) this.#byte(0xa0 | bytes.length);
    else this.#sized(0xd9, bytes.length);
    this.#append(bytes);
  }

  binary(value: Uint8Array): void {
    this.#sized(0xc4, value.length);
    this.#append(value);
  }

  /** The head of an array of so many items. */
  array(length: number): void {
    if (length < 0x10) this.#byte(0x90 | length);
    else this.#wide(0xdc, length);
  }

  /** The head of a map of so many pairs. */
  map(length: number): void {
    if (length < 0x10) this.#byte(0x80 | length);
    else this.#wide(0xde, length);
  }

  extension(type: number, data: Uint8Array): void {
    if (data.length === 1) this.#byte(0xd4);
    else this.#sized(0xc7, data.length);
    this.#byte(type & 0xff);
    this.#append(data);
  }

  #unsigned(value: number | bigint): void {
    if (value <= 0xff) this.#view.setUint8(this.#head(0xcc, 1), Number(value));
    else if (value <= 0xffff) this.#view.setUint16(this.#head(0xcd, 2), Number(value));
    else if (value <= 0xffff_ffff) this.#view.setUint32(this.#head(0xce, 4), Number(value));
    else this.#view.setBigUint64(this.#head(0xcf, 8), BigInt(value));
  }

  #signed(value: number | bigint): void {
    if (value >= -0x80) this.#view.setInt8(this.#head(0xd0, 1), Number(value));
    else if (value >= -0x8000) this.#view.setInt16(this.#head(0xd1, 2), Number(value));
    else if (value >= -0x8000_0000) this.#view.setInt32(this.#head(0xd2, 4), Number(value));
    else this.#view.setBigInt64(this.#head(0xd3, 8), BigInt(value));
  }

  #sized(firstHead: number, length: number): void {
    if (length <= 0xff) this.#view.setUint8(this.#head(firstHead, 1), length);
    else this.#wide(firstHead + 1, length);
  }

  #wide(firstHead: number, length: number): void {
    if (length <= 0xffff) this.#view.setUint16(this.#head(firstHead, 2), length);
    else this.#view.setUint32(this.#head(firstHead + 1, 4), length);
  }

  /** Writes a head and makes room for what follows. @returns where that begins. */
  #head(head: number, room: number): number {
    this.#byte(head);
    this.#reserve(room);
    const at = this.#length;
    this.#length += room;
    return at;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(room: number): void {
    const wanted = this.#length + room;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
