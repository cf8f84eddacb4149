import type { Frame, Json, Position } from '../../record/index.ts';
import { BookKeeper } from '../book-keeper.ts';
import type { DecoderHost, Outcome } from '../exchange.ts';
import type { DepthDiff, DepthIds, DepthSnapshot } from './depth.ts';

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
/** Bytes that all books of a link may hold together; when full, a book lets its own oldest go. */
export const HELD_LENGTH_MAX = 64 * 1024 * 1024;
/**
 * Stale diffs in a row that are believed. More, and the exchange's ids have gone backwards (an engine restart): a
 * book that waited for its old number would stay wrong without saying so.
 */
export const STALE_MAX = 256;
/** After this long on the tape without an answer the snapshot is asked for again, µs. A REST queue may be long. */
const ASK_AGAIN_AFTER = 15 * 60 * 1e6;

/** How many bytes all books of a link hold. */
export interface HeldLength {
  total: number;
}

/** A diff kept as it came while its book is unproven, and what names its rows after its own frame. */
interface HeldDelta {
  readonly position: Position;
  readonly message: Buffer;
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
  /** The link's diff: the one that has just come, or one that is read again. */
  readonly #diff: DepthDiff;
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
    diff: DepthDiff,
  ) {
    this.symbol = name.symbol;
    this.feed = name.feed;
    this.keeper = new BookKeeper(host, stream);
    this.#host = host;
    this.#rule = rule;
    this.#path = path;
    this.#heldLength = heldLength;
    this.#diff = diff;
  }

  /** Takes the link's present diff, which came in `frame`. */
  take(frame: Frame): Outcome {
    const verdict = this.#judge(this.#diff);
    if (verdict === 'stale') return 'repeat';
    if (verdict === 'gap') this.#break(this.#diff);
    if (!this.keeper.valid) return this.#hold(this.#diff, frame);
    this.#joined = true;
    return this.#apply() ? 'rows' : 'repeat';
  }

  /** Judges against the book, or against the last diff held; with neither, any diff may begin the chain. */
  #judge(delta: DepthIds): Verdict {
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

  #break(delta: DepthIds): void {
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
    this.#heldLength.total -= oldest?.message.length ?? 0;
  }

  #hold({ first, last, previous }: DepthIds, { bytes, start, end }: Frame): Outcome {
    const length = end - start;
    const full = () =>
      this.#held.length >= HELD_COUNT_MAX || this.#heldLength.total + length > HELD_LENGTH_MAX;
    if (full()) {
      const detail = `more diffs than may be held (${HELD_COUNT_MAX}, or ${HELD_LENGTH_MAX} bytes a link) came before a snapshot`;
      this.#host.broken(this.keeper.stream, { cause: 'overflow', detail });
      while (this.#held.length > 0 && full()) this.#letGo();
    }
    const position = this.#host.rows.position();
    if (!full()) {
      const message = Buffer.from(bytes.subarray(start, end));
      this.#held.push({ position, message, ids: { first, last, previous } });
      this.#heldLength.total += length;
    }
    if (this.#askedAt === null || position.time - this.#askedAt > ASK_AGAIN_AFTER) this.ask();
    return 'held';
  }

  /** Asks for a snapshot; the link limits the rate. */
  ask(): void {
    this.#askedAt = this.#host.rows.position().time;
    this.#host.request({ kind: 'rest', stream: this.keeper.stream, path: this.#path });
  }

  /** Writes the present diff's rows; false where it changes no level and only moves the update id on (quirk 14.10). */
  #apply(): boolean {
    const { last, timestamp, isEmpty } = this.#diff;
    if (isEmpty) {
      this.keeper.sequence = last;
      return false;
    }
    this.keeper.beginUpdate(timestamp, last);
    this.#diff.apply(this.keeper);
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
    snapshot.apply(this.keeper);
    this.keeper.proven();
    const held = this.#held.splice(0);
    for (const { message } of held) this.#heldLength.total -= message.length;
    this.#joined = from < held.length;
    this.#stale = 0;
    for (const { position, message } of held.slice(from)) {
      this.#diff.readHeld(message);
      this.#host.rows.within(position, () => this.#apply());
    }
    return true;
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
      held: this.#held.map(({ position, message }) => ({
        position: { ...position },
        text: message.toString(),
      })),
    };
  }

  /** Takes back what `state` gave, into a new book. */
  restore(state: BookState): void {
    this.keeper.restore(state.keeper);
    this.#joined = state.joined;
    this.#stale = state.stale;
    for (const { position, text } of state.held) {
      const message = Buffer.from(text);
      this.#diff.readHeld(message);
      const { first, last, previous } = this.#diff;
      this.#held.push({ position, message, ids: { first, last, previous } });
      this.#heldLength.total += message.length;
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
