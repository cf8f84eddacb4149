/** Bytes that are looked for at a place, four at a time. */
export class BytePattern {
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
    this.#view = viewOf(this.#bytes);
    this.length = bytes.length;
  }

  /** Whether they stand at `at`, before `end`; `view` is on the bytes that are looked at. */
  standsAt(view: DataView, at: number, end: number): boolean {
    const { length } = this;
    if (at + length > end) return false;
    const own = this.#view;
    let i = 0;
    for (; i + 4 <= length; i += 4) if (view.getInt32(at + i) !== own.getInt32(i)) return false;
    for (; i < length; i++) if (view.getUint8(at + i) !== this.#bytes[i]) return false;
    return true;
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
