import type { DecimalReader } from '../record/index.ts';
import type { Shape } from './compile.ts';
import type { Drift } from './drift.ts';
import { type Layout, layoutsOf, learnLayout, type UnknownKey } from './layouts.ts';
import type { Reading } from './reading.ts';
import { Walker } from './walker.ts';

/** Messages that had to be walked before their order of keys is learned. */
const WALKS_TO_LEARN = 16;
/** Attempts to learn: an exchange that writes its keys in ever new orders is walked. */
const LESSONS_MAX = 64;
/** After so many parts that did not fit, an exchange having changed its messages, only each so-manieth is tried. */
const MISSES_MAX = 64;
const NONE: readonly string[] = [];

/**
 * Reads a message of one shape off its bytes: no JSON.parse, no object per message. It either gives what the reference
 * reader would give, or declines (false): then the reference reader decides what the message is. It never looks at a
 * byte from `end` on.
 *
 *     layout that fitted last ──no──> other layouts ──no──> walk ──no──> decline
 *     (generated code)                                        └─ often ──> learn a layout
 */
export class ByteReader {
  readonly #shape: Shape;
  readonly #reading: Reading;
  readonly #decimals: DecimalReader;
  readonly #drift: Drift;
  readonly #walker: Walker;
  #layouts: Layout[];
  /** The layout that fitted last. */
  #layout: Layout;
  #walks = 0;
  #lessons = 0;
  /** Parts in a row that did not fit. */
  #misses = 0;

  constructor(shape: Shape, reading: Reading, decimals: DecimalReader, drift: Drift) {
    this.#shape = shape;
    this.#reading = reading;
    this.#decimals = decimals;
    this.#drift = drift;
    this.#walker = new Walker(shape, reading);
    this.#layouts = layoutsOf(shape);
    this.#layout = this.#layouts[0] as Layout;
  }

  /** Reads the message in `bytes[start..end)` into the reading; false where it declines. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.#reading.begin(bytes);
    if (this.#layout.read(bytes, start, end, this.#reading)) return this.#fitted(this.#layout);
    return this.#readOtherwise(bytes, start, end);
  }

  /**
   * The same where the layout that fitted last fits again and has no key that is unknown; else false, and nothing is noted: the
   * message, or what it is a part of, may then be read in another way. After many that did not fit, another layout is looked for.
   */
  readAgain(bytes: Buffer, start: number, end: number): boolean {
    if (this.#misses >= MISSES_MAX && ++this.#misses % MISSES_MAX !== 0) return false;
    if (!this.#fits(this.#layout, bytes, start, end) && !this.#refits(bytes, start, end)) {
      this.#misses++;
      return false;
    }
    this.#misses = 0;
    return this.#done(NONE);
  }

  #fits({ unknown, read }: Layout, bytes: Buffer, start: number, end: number): boolean {
    this.#reading.begin(bytes);
    return unknown.length === 0 && read(bytes, start, end, this.#reading);
  }

  /** Looks for a layout without unknown keys among all that are known, and then by a walk. */
  #refits(bytes: Buffer, start: number, end: number): boolean {
    if (this.#misses < MISSES_MAX) return false;
    this.#layouts = layoutsOf(this.#shape);
    let found = this.#layouts.find((layout) => this.#fits(layout, bytes, start, end));
    if (found === undefined && this.#lessons < LESSONS_MAX) {
      const walker = this.#walker;
      walker.isLearning = true;
      this.#reading.begin(bytes);
      if (!walker.read(bytes, start, end) || walker.unknown.length > 0) return false;
      this.#learn();
      found = this.#layouts.find((layout) => this.#fits(layout, bytes, start, end));
    }
    if (found !== undefined) this.#layout = found;
    return found !== undefined;
  }

  #fitted({ unknown }: Layout): true {
    return this.#done(unknown.length === 0 ? NONE : unknown.filter(this.#isThere).map(({ path }) => path));
  }

  readonly #isThere = ({ list }: UnknownKey): boolean =>
    list < 0 || (this.#reading.lists[list]?.count ?? 0) > 0;

  #done(unknown: readonly string[]): true {
    const { decimals } = this.#reading;
    if (decimals.inexact > 0) this.#decimals.inexact += decimals.inexact;
    if (unknown.length > 0) this.#drift.note(this.#shape.name, unknown);
    return true;
  }

  #readOtherwise(bytes: Buffer, start: number, end: number): boolean {
    for (const layout of this.#layouts) {
      if (layout === this.#layout) continue;
      this.#reading.begin(bytes);
      if (!layout.read(bytes, start, end, this.#reading)) continue;
      this.#layout = layout;
      return this.#fitted(layout);
    }
    const walker = this.#walker;
    walker.isLearning = ++this.#walks >= WALKS_TO_LEARN && this.#lessons < LESSONS_MAX;
    this.#reading.begin(bytes);
    if (!walker.read(bytes, start, end)) return false;
    if (walker.isLearning) this.#learn();
    return this.#done(walker.unknown);
  }

  #learn(): void {
    this.#walks = 0;
    this.#lessons++;
    learnLayout(this.#shape, this.#walker.root);
    this.#layouts = layoutsOf(this.#shape);
  }
}
