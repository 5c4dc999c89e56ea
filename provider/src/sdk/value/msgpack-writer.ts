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
    this.#put(0xcb, 8, (view, at) => view.setFloat64(at, value));
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    if (length < 0x20) this.#byte(0xa0 | length);
    else this.#sized(0xd9, length);
    this.#reserve(length);
    utf8.encodeInto(value, this.#bytes.subarray(this.#length));
    this.#length += length;
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
    if (value <= 0xff) this.#put(0xcc, 1, (view, at) => view.setUint8(at, Number(value)));
    else if (value <= 0xffff) this.#put(0xcd, 2, (view, at) => view.setUint16(at, Number(value)));
    else if (value <= 0xffff_ffff)
      this.#put(0xce, 4, (view, at) => view.setUint32(at, Number(value)));
    else this.#put(0xcf, 8, (view, at) => view.setBigUint64(at, BigInt(value)));
  }

  #signed(value: number | bigint): void {
    if (value >= -0x80) this.#put(0xd0, 1, (view, at) => view.setInt8(at, Number(value)));
    else if (value >= -0x8000) this.#put(0xd1, 2, (view, at) => view.setInt16(at, Number(value)));
    else if (value >= -0x8000_0000)
      this.#put(0xd2, 4, (view, at) => view.setInt32(at, Number(value)));
    else this.#put(0xd3, 8, (view, at) => view.setBigInt64(at, BigInt(value)));
  }

  #sized(firstHead: number, length: number): void {
    if (length <= 0xff) this.#put(firstHead, 1, (view, at) => view.setUint8(at, length));
    else this.#wide(firstHead + 1, length);
  }

  #wide(firstHead: number, length: number): void {
    if (length <= 0xffff) this.#put(firstHead, 2, (view, at) => view.setUint16(at, length));
    else this.#put(firstHead + 1, 4, (view, at) => view.setUint32(at, length));
  }

  /** Writes a head and the bytes behind it; the view is the one after the buffer has grown. */
  #put(head: number, room: number, fill: (view: DataView, at: number) => void): void {
    this.#reserve(1 + room);
    this.#bytes[this.#length++] = head;
    fill(this.#view, this.#length);
    this.#length += room;
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
