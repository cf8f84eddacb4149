import { type DecimalReader, Frame } from '../../record/index.ts';
import { type Drift, type NumberSlot, type Reading, ShapeReader } from '../../shape/index.ts';
import type { BookKeeper, LevelSlots } from '../book-keeper.ts';
import { BOOK_ANSWER } from './shapes.ts';
import type { DiffSlots, Mode, Source } from './sources.ts';

/** The update ids a diff covers: all that a sequence rule needs to know of it. */
export interface DepthIds {
  /** `U` and `u`. */
  readonly first: number;
  readonly last: number;
  /** `pu`: `u` of the event before on this stream; NaN on spot, which has none. */
  readonly previous: number;
}

/** The diff read last (protocols/binance.md 6.4, 7.4): its ids, and the levels it changes. */
export class DepthDiff implements DepthIds {
  first = Number.NaN;
  last = Number.NaN;
  previous = Number.NaN;
  timestamp = Number.NaN;
  readonly #sources: Readonly<Record<Mode, Source<DiffSlots>>>;
  readonly #rule: 'spot' | 'futures';
  #source: Source<DiffSlots>;

  constructor(sources: Readonly<Record<Mode, Source<DiffSlots>>>, rule: 'spot' | 'futures') {
    this.#sources = sources;
    this.#rule = rule;
    this.#source = sources.wrapped;
  }

  /** Takes what a source has just read; false where it is no diff of this rule: futures need `pu`, spot has none. */
  take(source: Source<DiffSlots>): boolean {
    const { reading, slots } = source;
    this.#source = source;
    this.first = reading.number(slots.U);
    this.last = reading.number(slots.u);
    this.previous = this.#rule === 'futures' ? reading.number(slots.pu) : Number.NaN;
    this.timestamp = timeOf(reading, slots);
    if (this.#rule === 'futures' && Number.isNaN(this.previous)) return false;
    return hasNoNegative(reading, slots.b) && hasNoNegative(reading, slots.a);
  }

  get isEmpty(): boolean {
    const { reading, slots } = this.#source;
    return reading.count(slots.b.list) + reading.count(slots.a.list) === 0;
  }

  /** Reads again what was held, wrapped or bare. It was read when it came, so that it can be read again. */
  readHeld(message: Buffer): void {
    const frame = new Frame().set(0, 0, 0, 'received', message);
    for (const source of [this.#sources.wrapped, this.#sources.bare])
      if (source.reader.read(frame) === 'read' && this.take(source)) return;
    throw new TypeError('a held diff cannot be read again');
  }

  /** Writes its levels into the book and its rows, bids first, in the order they came. */
  apply(keeper: BookKeeper): void {
    const { reading, slots } = this.#source;
    applyLevels(keeper, reading, slots.b, slots.a);
  }
}

/** The REST book read last (protocols/binance.md 12.3). */
export class DepthSnapshot {
  last = Number.NaN;
  timestamp = Number.NaN;
  readonly #reader: ShapeReader;

  constructor(decimals: DecimalReader, drift: Drift) {
    this.#reader = new ShapeReader(BOOK_ANSWER, decimals, drift);
  }

  /** Reads an answer's body; false of an error body or anything else. */
  read(body: string): boolean {
    if (this.#reader.readText(body) !== 'read') return false;
    const { reading } = this.#reader;
    const { lastUpdateId, bids, asks } = BOOK_ANSWER.slots;
    this.last = reading.number(lastUpdateId);
    this.timestamp = timeOf(reading, BOOK_ANSWER.slots);
    // A new listing may answer an empty book with -1 (protocols/binance.md 14.9); with levels that would be nonsense.
    if (this.last < 0 && reading.count(bids.list) + reading.count(asks.list) > 0) return false;
    return hasNoNegative(reading, bids) && hasNoNegative(reading, asks);
  }

  apply(keeper: BookKeeper): void {
    const { bids, asks } = BOOK_ANSWER.slots;
    applyLevels(keeper, this.#reader.reading, bids, asks);
  }
}

/** Matching time `T` where there is one, else push time `E`, else null (NaN). */
export function timeOf(reading: Reading, slots: { readonly T: NumberSlot; readonly E: NumberSlot }): number {
  const time = reading.number(slots.T);
  return Number.isNaN(time) ? reading.number(slots.E) : time;
}

/** Checked whole before anything is applied: a bad level must not leave half a message in a book. */
function hasNoNegative(reading: Reading, levels: LevelSlots): boolean {
  const { numbers, stride, count, isPlain } = reading.numbersOf(levels.list);
  if (isPlain) return true;
  for (let at: number = levels.item[1]; at < count * stride; at += stride)
    if ((numbers[at] as number) < 0) return false;
  return true;
}

function applyLevels(keeper: BookKeeper, reading: Reading, bids: LevelSlots, asks: LevelSlots): void {
  keeper.levels('bid', reading, bids);
  keeper.levels('ask', reading, asks);
}
