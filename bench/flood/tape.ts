import { TURNING } from './market.ts';
import { FIRST_ID, FIRST_TIME, isDiff, nameOf, type Script, type Turn } from './script.ts';
import { textHeader } from './websocket.ts';

/** Writes the frames of a turn's messages one after another into one buffer; `wrapped`: in combined form. */
export class Tape {
  readonly count: number;
  /** Messages until every book has had its first diff; 0 where there is no book. */
  readonly lead: number;
  readonly #bytes: Buffer;
  /** Where each message begins; one more for the end. */
  readonly #starts: Float64Array;
  readonly #digits: TurningDigits;

  constructor(script: Script, wrapped: boolean) {
    const bytes = new GrowingBuffer();
    const starts = [0];
    const seen = new Set<string>();
    let lead = 0;
    this.#digits = new TurningDigits(script.turn);
    for (const { part, data } of script.messages()) {
      const name = nameOf(part);
      const text = wrapped ? `{"stream":"${name}","data":${data}}` : data;
      bytes.add(textHeader(text.length));
      this.#digits.find(text, bytes.length);
      starts.push(bytes.addText(text));
      if (!isDiff(part.feed) || seen.has(name)) continue;
      seen.add(name);
      lead = starts.length - 1;
    }
    this.count = starts.length - 1;
    this.lead = lead;
    this.#bytes = bytes.taken();
    this.#starts = Float64Array.from(starts);
    this.#digits.close();
  }

  /** Copies messages from number `from` on into `into`, as many as fit and at most `most`; the tape never ends. */
  play(from: number, most: number, into: Buffer): { messages: number; bytes: number } {
    const turn = Math.floor(from / this.count);
    const first = from % this.count;
    const start = this.#starts[first] ?? 0;
    let last = first;
    while (last < this.count && last - first < most && (this.#starts[last + 1] ?? 0) - start <= into.length)
      last++;
    const end = this.#starts[last] ?? 0;
    this.#bytes.copy(into, 0, start, end);
    if (turn > 0) this.#digits.turn(into, start, end, turn);
    return { messages: last - first, bytes: end - start };
  }
}

/** The numbers that go on with each turn: the digits above a turn's span count the turns. */
class TurningDigits {
  /** What stands before such a number, and how many of its digits count turns. */
  readonly #keys: readonly { readonly key: string; readonly digits: number }[];
  readonly #found: { place: number; digits: number }[] = [];
  readonly #foundPlaces: number[] = [];
  readonly #foundDigits: number[] = [];
  #places = new Float64Array();
  #digits = new Uint8Array();

  constructor({ idSpan, timeSpan }: Turn) {
    const above = (first: number, span: number): number => String(first / span).length;
    this.#keys = [
      ...TURNING.ids.map((key) => ({ key, digits: above(FIRST_ID, idSpan) })),
      // In ms a time has three digits less at its end: those that count turns are the same.
      ...TURNING.times.map((key) => ({ key, digits: above(FIRST_TIME, timeSpan) })),
    ];
  }

  find(text: string, start: number): void {
    for (const { key, digits } of this.#keys) {
      const at = text.indexOf(key);
      if (at < 0) continue;
      this.#found.push({ place: start + at + key.length, digits });
    }
    this.#found.sort((a, b) => a.place - b.place);
    for (const { place, digits } of this.#found.splice(0)) {
      this.#foundPlaces.push(place);
      this.#foundDigits.push(digits);
    }
  }

  /** Everything is found. */
  close(): void {
    this.#places = Float64Array.from(this.#foundPlaces);
    this.#digits = Uint8Array.from(this.#foundDigits);
  }

  /** Moves the numbers of a copied stretch on by `turn` turns. */
  turn(copy: Buffer, start: number, end: number, turn: number): void {
    for (let index = this.#firstFrom(start); index < this.#places.length; index++) {
      const place = this.#places[index] ?? end;
      if (place >= end) return;
      add(copy, place - start + (this.#digits[index] ?? 0) - 1, turn);
    }
  }

  #firstFrom(start: number): number {
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle] ?? 0) < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const ZERO = 48;

/** Adds to a decimal number in place, whose last digit is at `at`. */
function add(bytes: Buffer, at: number, addend: number): void {
  for (let carry = addend, place = at; carry > 0; place--) {
    const sum = (bytes[place] ?? ZERO) - ZERO + carry;
    bytes[place] = ZERO + (sum % 10);
    carry = Math.floor(sum / 10);
  }
}

/** A buffer that doubles when it is full. */
class GrowingBuffer {
  #bytes = Buffer.allocUnsafe(1 << 20);
  length = 0;

  add(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Adds ASCII text and returns the new length. */
  addText(text: string): number {
    this.#makeRoom(text.length);
    this.length += this.#bytes.write(text, this.length, 'latin1');
    return this.length;
  }

  taken(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  #makeRoom(more: number): void {
    if (this.length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * Math.max(this.#bytes.length, more));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}
