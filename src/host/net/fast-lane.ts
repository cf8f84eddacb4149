/*
 * Most of what an exchange sends are whole, unmasked, unfragmented data frames (RFC 6455 5.2), many in one read. Those
 * are taken straight from the bytes of the read; what is known to be right but not so simple goes to `ws`; and with
 * the first frame that may be wrong, the whole connection is left to `ws`, which decides what it is:
 *
 *     read ──┬── whole data frames, side by side ────────> messages(bytes, spans)
 *            ├── ping, pong, fragments, cut data frames ──> ws ──> its own events
 *            ├── goodbye: the last that ws gets ──────────> ws
 *            └── anything else, and all behind it ────────> ws
 *
 * `ws` always gets whole frames or the rest of one, in order, and answers at once; so the order of messages holds.
 */

const TEXT_FRAME = 0x81;
const BINARY_FRAME = 0x82;
const TEXT_BEGINS = 0x01;
const BINARY_BEGINS = 0x02;
const GOES_ON = 0x00;
const ENDS = 0x80;
const PING = 0x89;
const PONG = 0x8a;
const GOODBYE = 0x88;
const MASKED = 0x80;
const LENGTH = 0x7f;
const CONTROL_BYTES_MAX = 125;
/** Second byte of a frame whose length is in the next two; without a mask, one above it is in the next eight. */
const LENGTH_OF_TWO = 126;
/** Header of a frame with a 64-bit length and no mask. */
const HEADER_MAX = 10;
/** Messages handed over at once. */
const SPANS_MAX = 1024;

export interface FastLaneOptions {
  /** Longer messages are left to `ws`, which refuses them. */
  readonly payloadBytesMax: number;
  /** Hands bytes to `ws`. */
  readonly forward: (bytes: Buffer) => void;
  /** `count` messages of one kind, in `bytes` at `spans`: where each starts and where it ends, in turn. Valid during the call. */
  readonly messages: (bytes: Buffer, spans: Uint32Array, count: number, binary: boolean) => void;
}

/** Takes the reads of one connection apart. */
export class FastLane {
  readonly #options: FastLaneOptions;
  #isLeftToWs = false;
  /** The frame that `ws` has got, or is getting, is the last one. */
  #isLast = false;
  /** Bytes of the frame that `ws` is reading which are still to come. */
  #rest = 0;
  /** Bytes of the fragmented message that `ws` has the beginning of; -1: there is none. */
  #fragmentBytes = -1;
  /** Header of a frame that was cut inside it; `ws` has these bytes too. */
  readonly #header = Buffer.alloc(HEADER_MAX);
  #headerLength = 0;
  readonly #spans = new Uint32Array(SPANS_MAX * 2);

  constructor(options: FastLaneOptions) {
    this.#options = options;
  }

  /** Takes what one read brought. */
  take(chunk: Buffer): void {
    let at = this.#isLeftToWs ? 0 : this.#finish(chunk);
    while (at < chunk.length && !this.#isLeftToWs && !this.#isLast) {
      const behind = this.#messages(chunk, at);
      at = behind > at ? behind : this.#frame(chunk, at);
    }
    if (at < chunk.length && this.#isLeftToWs) this.#options.forward(at === 0 ? chunk : chunk.subarray(at));
  }

  /** Gives `ws` the rest of the frame that it has the beginning of; returns the position behind it. */
  #finish(chunk: Buffer): number {
    let at = 0;
    while (this.#headerLength > 0 && at < chunk.length && !this.#isLeftToWs) {
      this.#header[this.#headerLength++] = chunk[at] as number;
      this.#options.forward(chunk.subarray(at, at + 1));
      at++;
      const size = frameBytes(this.#header, 0, this.#headerLength);
      if (size === 0) continue;
      this.#rest = size - this.#headerLength;
      this.#judge(this.#header, 0, size);
      this.#headerLength = 0;
    }
    if (this.#rest === 0 || at === chunk.length || this.#isLeftToWs) return at;
    const end = Math.min(chunk.length, at + this.#rest);
    this.#rest -= end - at;
    this.#options.forward(chunk.subarray(at, end));
    return end;
  }

  /**
   * Takes the data frames from `from` on that are of one kind, whole, and short enough for a length of two bytes: nearly all
   * there are. Returns the position behind them.
   */
  #messages(chunk: Buffer, from: number): number {
    const kind = chunk[from] as number;
    if ((kind !== TEXT_FRAME && kind !== BINARY_FRAME) || this.#fragmentBytes >= 0) return from;
    const { payloadBytesMax, messages } = this.#options;
    const spans = this.#spans;
    const { length } = chunk;
    let at = from;
    let count = 0;
    while (at + 4 <= length && count < SPANS_MAX && chunk[at] === kind) {
      const second = chunk[at + 1] as number;
      // A length of eight bytes, or a mask.
      if (second > LENGTH_OF_TWO) break;
      const isLong = second === LENGTH_OF_TWO;
      const payload = isLong ? (chunk[at + 2] as number) * 256 + (chunk[at + 3] as number) : second;
      const start = isLong ? at + 4 : at + 2;
      const end = start + payload;
      if (end > length || payload > payloadBytesMax) break;
      spans[2 * count] = start;
      spans[2 * count + 1] = end;
      count++;
      at = end;
    }
    if (count > 0) messages(chunk, spans, count, kind === BINARY_FRAME);
    return at;
  }

  /**
   * Takes the frame that begins at `at`, or what is there of it: of data only what is cut, longer than 65,535 bytes, or in the
   * read's last three. Returns the position behind it.
   */
  #frame(chunk: Buffer, at: number): number {
    const size = frameBytes(chunk, at, chunk.length);
    if (size === 0) {
      this.#headerLength = chunk.copy(this.#header, 0, at);
      this.#options.forward(chunk.subarray(at));
      return chunk.length;
    }
    const isData = this.#judge(chunk, at, size);
    const end = at + size;
    if (this.#isLeftToWs) return at;
    if (isData && end <= chunk.length) {
      this.#spans[0] = at + headerBytes(chunk[at + 1] as number);
      this.#spans[1] = end;
      this.#options.messages(chunk, this.#spans, 1, chunk[at] === BINARY_FRAME);
      return end;
    }
    this.#rest = Math.max(0, end - chunk.length);
    this.#options.forward(chunk.subarray(at, end));
    return end - this.#rest;
  }

  /**
   * Judges a frame by its header: true of a data frame that is a message of its own. One that is not surely right, or
   * that nothing may follow, leaves the connection to `ws`.
   */
  #judge(header: Buffer, at: number, size: number): boolean {
    const first = header[at] as number;
    const second = header[at + 1] as number;
    const payload = size - headerBytes(second);
    const { payloadBytesMax } = this.#options;
    const isOutside = this.#fragmentBytes < 0;
    let isRight = second < MASKED;
    switch (first) {
      case TEXT_FRAME:
      case BINARY_FRAME:
        isRight &&= isOutside && payload <= payloadBytesMax;
        break;
      case TEXT_BEGINS:
      case BINARY_BEGINS:
        isRight &&= isOutside && payload <= payloadBytesMax;
        this.#fragmentBytes = payload;
        break;
      case GOES_ON:
      case ENDS:
        this.#fragmentBytes += payload;
        isRight &&= !isOutside && this.#fragmentBytes <= payloadBytesMax;
        if (first === ENDS) this.#fragmentBytes = -1;
        break;
      case PING:
      case PONG:
        isRight &&= second <= CONTROL_BYTES_MAX;
        break;
      case GOODBYE:
        isRight &&= second <= CONTROL_BYTES_MAX;
        this.#isLast = isRight;
        break;
      default:
        isRight = false;
    }
    if (!isRight) this.#isLeftToWs = true;
    return first === TEXT_FRAME || first === BINARY_FRAME;
  }
}

/** Size of a header by its second byte, without the mask. */
function headerBytes(second: number): number {
  const length = second & LENGTH;
  return length < LENGTH_OF_TWO ? 2 : length === LENGTH_OF_TWO ? 4 : HEADER_MAX;
}

/** Size of the frame that begins at `at`, but for a mask; 0 where its header is not whole before `end`. */
function frameBytes(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return 0;
  const second = bytes[at + 1] as number;
  const length = second & LENGTH;
  if (length < LENGTH_OF_TWO) return 2 + length;
  const header = headerBytes(second);
  if (at + header > end) return 0;
  if (length === LENGTH_OF_TWO) return 4 + bytes.readUInt16BE(at + 2);
  return HEADER_MAX + bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}
