/** Bytes that grow as they are written, with the few number forms of Parquet. */
export class ByteSink {
  buffer: Buffer<ArrayBuffer>;
  length = 0;

  constructor(capacity = 256) {
    this.buffer = allocate(capacity);
  }

  /** Begins anew, in the same memory unless it has become larger than this. */
  clear(keepMax: number): void {
    this.length = 0;
    if (this.buffer.length > keepMax) this.buffer = allocate(keepMax);
  }

  /** Makes room for so many more bytes. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = allocate(Math.max(this.buffer.length * 2, needed));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  /** Four bytes, little endian. */
  uint32(value: number): void {
    this.reserve(4);
    this.length = this.buffer.writeUInt32LE(value, this.length);
  }

  /** Seven bits a byte, the lowest first. Whole numbers from 0, exact up to 2^54. */
  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.buffer[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.buffer[this.length++] = rest;
  }

  /** The varint of a signed number: 0, -1, 1, -2, … */
  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  bytes(source: Uint8Array): void {
    this.reserve(source.length);
    this.buffer.set(source, this.length);
    this.length += source.length;
  }

  /** Its length in four bytes, then the UTF-8 text. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.uint32(length);
    this.reserve(length);
    this.length += this.buffer.write(value, this.length, 'utf8');
  }

  /** What was written, on the sink's own bytes. */
  written(): Buffer<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }
}

function allocate(bytes: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(bytes));
}

const TYPE = { yes: 1, no: 2, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;

/** Writes Thrift's compact protocol, in which Parquet's page headers and footers are; only the types they need. */
export class ThriftWriter {
  readonly #sink: ByteSink;
  /** The last field of each struct that is open. */
  readonly #last: number[] = [0];

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  #field(id: number, type: number): void {
    const depth = this.#last.length - 1;
    this.#sink.byte(((id - (this.#last[depth] as number)) << 4) | type);
    this.#last[depth] = id;
  }

  i32(id: number, value: number): void {
    this.#field(id, TYPE.i32);
    this.#sink.zigzag(value);
  }

  i64(id: number, value: number): void {
    this.#field(id, TYPE.i64);
    this.#sink.zigzag(value);
  }

  flag(id: number, value: boolean): void {
    this.#field(id, value ? TYPE.yes : TYPE.no);
  }

  string(id: number, value: string): void {
    this.binary(id, Buffer.from(value));
  }

  binary(id: number, value: Uint8Array): void {
    this.#field(id, TYPE.binary);
    this.#binary(value);
  }

  #binary(value: Uint8Array): void {
    this.#sink.varint(value.length);
    this.#sink.bytes(value);
  }

  struct(id: number, write: () => void): void {
    this.#field(id, TYPE.struct);
    this.#open(write);
  }

  /** Ends the outermost struct, so that another may follow. */
  end(): void {
    this.#sink.byte(0);
    this.#last[0] = 0;
  }

  #open(write: () => void): void {
    this.#last.push(0);
    write();
    this.#sink.byte(0);
    this.#last.pop();
  }

  #list(id: number, type: number, length: number): void {
    this.#field(id, TYPE.list);
    if (length < 15) this.#sink.byte((length << 4) | type);
    else {
      this.#sink.byte(0xf0 | type);
      this.#sink.varint(length);
    }
  }

  structs<T>(id: number, items: readonly T[], write: (item: T) => void): void {
    this.#list(id, TYPE.struct, items.length);
    for (const item of items) this.#open(() => write(item));
  }

  i32s(id: number, items: readonly number[]): void {
    this.#list(id, TYPE.i32, items.length);
    for (const item of items) this.#sink.zigzag(item);
  }

  strings(id: number, items: readonly string[]): void {
    this.#list(id, TYPE.binary, items.length);
    for (const item of items) this.#binary(Buffer.from(item));
  }
}
