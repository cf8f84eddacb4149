import type { Json, Position } from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import { applyLevels, type DepthDelta, type DepthIds, type DepthSnapshot, readHeldDelta } from './depth.ts';

export type BookRule = 'spot' | 'futures';

/** What a rule says of a diff: it continues the book, it is older than the book, or something between is missing. */
export type Verdict = 'apply' | 'stale' | 'gap';

/** A new listing's REST book may bear this id and be empty; any first diff then continues it (quirk 14.9). */
const EMPTY_BOOK_ID = -1;

/**
 * Judges a diff against the last update id of the book. `joined`: a diff has continued the book since its snapshot;
 * until then futures use another test (protocols/binance.md 11.1 and 11.2).
 *
 *     spot, always      U <= local + 1 <= u
 *     futures, first    U <= local <= u, or pu == local
 *     futures, then     pu == local
 */
export function judge(rule: BookRule, delta: DepthIds, local: number, joined: boolean): Verdict {
  if (!joined && local === EMPTY_BOOK_ID) return 'apply';
  if (rule === 'spot') {
    if (delta.last <= local) return 'stale';
    return delta.first <= local + 1 ? 'apply' : 'gap';
  }
  if (delta.previous === local) return 'apply';
  if (!joined && delta.first <= local && local <= delta.last) return 'apply';
  return delta.last <= local ? 'stale' : 'gap';
}

/** Diffs that one unproven book may hold; when full, the oldest is let go (the journal has it). */
export const HELD_COUNT_MAX = 2048;
/** Characters that all books of a link may hold together; when full, a book lets its own oldest go. */
export const HELD_LENGTH_MAX = 64 * 1024 * 1024;
/**
 * Stale diffs in a row that are believed. More, and the exchange's ids have gone backwards (an engine restart): a
 * book that waited for its old number would stay wrong without saying so.
 */
export const STALE_MAX = 256;
/** After this long on the tape without an answer the snapshot is asked for again, µs. A REST queue may be long. */
const ASK_AGAIN_AFTER = 15 * 60 * 1e6;

/** How many characters all books of a link hold. */
export interface HeldLength {
  total: number;
}

/** A diff kept as text while its book is unproven, and what names its rows after its own frame. */
interface HeldDelta {
  readonly position: Position;
  readonly text: string;
  readonly ids: DepthIds;
}

/**
 * One order book, joined from diffs and a REST snapshot.
 *
 *     waiting --snapshot bridges what is held--> valid --hole in the ids--> waiting
 *
 * While waiting, diffs are held in an unbroken chain (a hole starts a new chain: no snapshot could use the old one)
 * and the snapshot is asked for once the first is held, so that it cannot be older than the chain for long.
 */
export class DepthBook {
  readonly symbol: string;
  readonly feed: string;
  readonly keeper: BookKeeper;
  readonly #host: DecoderHost;
  readonly #rule: BookRule;
  readonly #path: string;
  readonly #heldLength: HeldLength;
  #held: HeldDelta[] = [];
  #joined = false;
  #stale = 0;
  #askedAt: number | null = null;

  constructor(
    host: DecoderHost,
    stream: number,
    name: { readonly symbol: string; readonly feed: string },
    rule: BookRule,
    path: string,
    heldLength: HeldLength,
  ) {
    this.symbol = name.symbol;
    this.feed = name.feed;
    this.keeper = new BookKeeper(host, stream);
    this.#host = host;
    this.#rule = rule;
    this.#path = path;
    this.#heldLength = heldLength;
  }

  /** Takes a diff; `text` is its frame's. */
  delta(delta: DepthDelta, text: string): Outcome {
    const verdict = this.#judge(delta);
    if (verdict === 'stale') return 'repeat';
    if (verdict === 'gap') this.#break(delta);
    if (!this.keeper.valid) return this.#hold(delta, text);
    this.#joined = true;
    return this.#apply(delta) ? 'rows' : 'repeat';
  }

  /** Judges against the book, or against the last diff held; with neither, any diff may begin the chain. */
  #judge(delta: DepthDelta): Verdict {
    const local = this.#local();
    if (Number.isNaN(local)) return 'apply';
    const verdict = judge(this.#rule, delta, local, this.#joined || !this.keeper.valid);
    this.#stale = verdict === 'stale' ? this.#stale + 1 : 0;
    if (this.#stale <= STALE_MAX) return verdict;
    this.#stale = 0;
    return 'gap';
  }

  /** The last update id held to, in the book or in the chain; NaN where there is neither. */
  #local(): number {
    return this.keeper.valid ? this.keeper.sequence : (this.#held.at(-1)?.ids.last ?? Number.NaN);
  }

  #break(delta: DepthDelta): void {
    const local = this.#local();
    const link = this.#rule === 'spot' ? `U ${delta.first}` : `pu ${delta.previous}`;
    this.#host.broken(this.keeper.stream, {
      cause: 'sequence',
      detail: `expected the diff after ${local}, got ${link}, u ${delta.last}`,
      fromSequence: local,
      toSequence: delta.first,
    });
    this.drop();
  }

  /** Distrusts the book and forgets what is held. */
  drop(): void {
    this.keeper.invalidate();
    this.#joined = false;
    this.#stale = 0;
    while (this.#held.length > 0) this.#letGo();
  }

  #letGo(): void {
    const oldest = this.#held.shift();
    this.#heldLength.total -= oldest?.text.length ?? 0;
  }

  #hold(delta: DepthDelta, text: string): Outcome {
    const full = () =>
      this.#held.length >= HELD_COUNT_MAX || this.#heldLength.total + text.length > HELD_LENGTH_MAX;
    if (full()) {
      const detail = `more diffs than may be held (${HELD_COUNT_MAX}, or ${HELD_LENGTH_MAX} characters a link) came before a snapshot`;
      this.#host.broken(this.keeper.stream, { cause: 'overflow', detail });
      while (this.#held.length > 0 && full()) this.#letGo();
    }
    const position = this.#host.rows.position();
    if (!full()) {
      const { first, last, previous } = delta;
      this.#held.push({ position, text, ids: { first, last, previous } });
      this.#heldLength.total += text.length;
    }
    if (this.#askedAt === null || position.time - this.#askedAt > ASK_AGAIN_AFTER) this.ask();
    return 'held';
  }

  /** Asks for a snapshot; the link limits the rate. */
  ask(): void {
    this.#askedAt = this.#host.rows.position().time;
    this.#host.request({ kind: 'rest', stream: this.keeper.stream, path: this.#path });
  }

  /** Writes a diff's rows; false where it changes no level and only moves the update id on (quirk 14.10). */
  #apply(delta: DepthDelta): boolean {
    const { bids, asks, last, timestamp } = delta;
    if (bids.length + asks.length === 0) {
      this.keeper.sequence = last;
      return false;
    }
    this.keeper.beginUpdate(timestamp, last);
    applyLevels(this.keeper, this.#host.decimals, bids, asks);
    return true;
  }

  /**
   * Takes a REST answer: joins it with what is held, or asks again where it is unusable (null) or older than the
   * chain. What is held and older than the snapshot gives no row (the bridging rule). Returns whether it was used;
   * a valid book needs no snapshot.
   */
  snapshot(snapshot: DepthSnapshot | null): boolean {
    if (this.keeper.valid) return false;
    const from = snapshot === null ? -1 : this.#bridge(snapshot);
    if (snapshot === null || from < 0) {
      this.ask();
      return false;
    }
    this.#askedAt = null;
    this.#host.heard(this.keeper.stream);
    this.keeper.beginSnapshot(snapshot.timestamp, 'rest', snapshot.last);
    applyLevels(this.keeper, this.#host.decimals, snapshot.bids, snapshot.asks);
    this.keeper.proven();
    const held = this.#held.splice(0);
    for (const { text } of held) this.#heldLength.total -= text.length;
    this.#joined = from < held.length;
    this.#stale = 0;
    for (const { position, text } of held.slice(from)) {
      const delta = this.#readHeld(text);
      this.#host.rows.within(position, () => this.#apply(delta));
    }
    return true;
  }

  /** A held text was read when it came, so it can be read again. */
  #readHeld(text: string): DepthDelta {
    const delta = readHeldDelta(text, this.#rule);
    if (delta === null) throw new TypeError('a held diff cannot be read again');
    return delta;
  }

  /** Index of the first held diff that continues the snapshot (their number: none does, all are older); -1: too old. */
  #bridge(snapshot: DepthSnapshot): number {
    for (const [index, { ids }] of this.#held.entries()) {
      const verdict = judge(this.#rule, ids, snapshot.last, false);
      if (verdict !== 'stale') return verdict === 'apply' ? index : -1;
    }
    return this.#held.length;
  }

  state(): Json {
    return {
      symbol: this.symbol,
      feed: this.feed,
      keeper: this.keeper.state(),
      joined: this.#joined,
      stale: this.#stale,
      held: this.#held.map(({ position, text }) => ({ position: { ...position }, text })),
    };
  }

  /** Takes back what `state` gave, into a new book. */
  restore(state: BookState): void {
    this.keeper.restore(state.keeper);
    this.#joined = state.joined;
    this.#stale = state.stale;
    for (const { position, text } of state.held) {
      const { first, last, previous } = this.#readHeld(text);
      this.#held.push({ position, text, ids: { first, last, previous } });
      this.#heldLength.total += text.length;
    }
  }
}

/** What `DepthBook.state` gives. */
export interface BookState {
  readonly symbol: string;
  readonly feed: string;
  readonly keeper: Json;
  readonly joined: boolean;
  readonly stale: number;
  readonly held: readonly { readonly position: Position; readonly text: string }[];
}
