import { type AnyBatch, Batch } from './batch.ts';
import type { Frame } from './frame.ts';
import { StreamDictionary } from './stream.ts';
import {
  BOOK_ORIGINS,
  type BookOrigin,
  type BookSide,
  GAP_CAUSES,
  GAP_EVENTS,
  type GapCause,
  NO_CODE,
  TABLE_NAMES,
  type Table,
  type TakerSide,
  UNDECODED_REASONS,
  type UndecodedReason,
} from './tables.ts';

/** Takes the rows of a full batch; when it returns, the batch is emptied and used again. */
export type RowSink = (batch: AnyBatch, streams: StreamDictionary) => void;

/** The frame a row is named after, and the number its next row gets. */
export interface Position {
  readonly time: number;
  readonly link: number;
  readonly frame: number;
  readonly row: number;
}

type Batches = { [T in Table]: Batch<T> };

const ORIGIN_CODE = Object.fromEntries(BOOK_ORIGINS.map((origin, code) => [origin, code])) as Record<
  BookOrigin,
  number
>;

/** One change of a gap, as the tracker writes it. Times in µs; null where not known or still open. */
export interface GapRow {
  readonly stream: number;
  readonly id: string;
  readonly event: (typeof GAP_EVENTS)[number];
  readonly from: number | null;
  readonly to: number | null;
  readonly fromSequence: number | null;
  readonly toSequence: number | null;
  readonly cause: GapCause;
  readonly detail: string | null;
}

/**
 * Where decoders write records: one method a table, straight into column arrays, no object a row.
 * Each row names the frame set by `at`; a frame whose decoding failed is taken back with `rollback`.
 *
 * Numbers: prices and amounts as doubles (NaN is null), times as µs since the epoch (NaN is null).
 */
export class Rows {
  readonly streams: StreamDictionary;
  readonly #batches: Batches;
  readonly #flushRows: number;
  #sink: RowSink;
  #time = 0;
  #link = 0;
  #frame = 0;
  #row = 0;
  readonly #all: readonly Batch<Table>[];
  /** Counts the frames begun: a batch that this one has not marked has no row of it. */
  #begun = 0;
  /** Whether some batch is due to be flushed when the next frame begins. */
  #isFull = false;
  readonly #steps = new Map<number, number>();
  #bookMessage = 0;
  #bookMessages = 0;

  constructor(sink: RowSink, flushRows = 2048, streams = new StreamDictionary()) {
    this.streams = streams;
    this.#sink = sink;
    this.#flushRows = flushRows;
    this.#batches = Object.fromEntries(
      TABLE_NAMES.map((table) => [table, new Batch(table)]),
    ) as unknown as Batches;
    this.#all = TABLE_NAMES.map((table) => this.#batches[table] as Batch<Table>);
  }

  /** Rows made since the start, per table; never reset. */
  get made(): Readonly<Record<Table, number>> {
    return Object.fromEntries(
      this.#all.map(({ table, flushed, count }) => [table, flushed + count]),
    ) as Record<Table, number>;
  }

  /** Sends rows elsewhere from now on; what is in the batches is flushed to the old sink first. */
  redirect(sink: RowSink): void {
    this.flush();
    this.#sink = sink;
  }

  /**
   * The number of the next message applied to a stream's book: it counts on over links and restarts with each file,
   * so that it is the order to rebuild in.
   */
  nextStep(stream: number): number {
    const step = (this.#steps.get(stream) ?? 0) + 1;
    this.#steps.set(stream, step);
    return step;
  }

  /** Begins counting anew: every book's (a new file), or one's. */
  restartSteps(stream?: number): void {
    if (stream === undefined) this.#steps.clear();
    else this.#steps.delete(stream);
  }

  /** Goes on counting behind `step`, taken from a state. */
  resumeSteps(stream: number, step: number): void {
    this.#steps.set(stream, Math.max(step, this.#steps.get(stream) ?? 0));
  }

  /** The last step of each book, for a state. */
  steps(): [number, number][] {
    return [...this.#steps];
  }

  /** Starts a frame: the rows that follow name it, counted from 0. Full batches are flushed here, never in a frame. */
  at(frame: Frame): void {
    this.#time = frame.time;
    this.#link = frame.link;
    this.#frame = frame.ordinal;
    this.#row = 0;
    this.#bookMessage = 0;
    this.#begun++;
    if (this.#isFull) this.#flushFull();
  }

  #flushFull(): void {
    this.#isFull = false;
    for (const batch of this.#all) if (batch.count >= this.#flushRows) this.#flushBatch(batch);
  }

  /** Takes back every row written since `at`. */
  rollback(): void {
    for (const batch of this.#all) if (batch.markedIn === this.#begun) batch.rollback();
    this.#row = 0;
    this.#bookMessage = 0;
  }

  /** How many rows were written since `at`. */
  sinceFrame(): number {
    let count = 0;
    for (const batch of this.#all) if (batch.markedIn === this.#begun) count += batch.count - batch.mark;
    return count;
  }

  /** The present frame and the number its next row gets: what a held message keeps, to name its rows later. */
  position(): Position {
    return { time: this.#time, link: this.#link, frame: this.#frame, row: this.#row };
  }

  /** Runs `write` with its rows naming an earlier frame (a message held until its book was proven). */
  within(position: Position, write: () => void): void {
    const now = this.position();
    this.#go(position);
    try {
      write();
    } finally {
      this.#go(now);
    }
  }

  #go(position: Position): void {
    this.#time = position.time;
    this.#link = position.link;
    this.#frame = position.frame;
    this.#row = position.row;
    this.#bookMessage = 0;
  }

  /** Hands all rows to the sink. */
  flush(): void {
    for (const batch of this.#all) this.#flushBatch(batch);
  }

  #flushBatch(batch: Batch<Table>): void {
    if (batch.count === 0) return;
    this.#sink(batch, this.streams);
    batch.clear();
    // Its message, if one was begun, is begun anew.
    this.#bookMessage = 0;
  }

  #begin<T extends Table>(batch: Batch<T>, stream: number, timestamp: number): number {
    if (batch.markedIn !== this.#begun) batch.markFrame(this.#begun);
    const index = batch.next();
    if (index >= this.#flushRows - 1) this.#isFull = true;
    // Rows of a book message are numbered one behind the other.
    this.#bookMessage = 0;
    const columns = batch.common;
    columns.stream[index] = stream;
    columns.timestamp[index] = timestamp;
    columns.local_timestamp[index] = this.#time;
    columns.link[index] = this.#link;
    columns.frame[index] = this.#frame;
    columns.row[index] = this.#row++;
    return index;
  }

  trade(stream: number, timestamp: number, id: string, side: TakerSide, price: number, amount: number): void {
    const index = this.#trade(stream, timestamp, side, price, amount);
    this.#batches.trades.columns.id.set(index, id);
  }

  /** The same with the id as it stands in a frame: `bytes[start..end)`, copied here. */
  tradeFrom(
    stream: number,
    timestamp: number,
    bytes: Buffer,
    start: number,
    end: number,
    side: TakerSide,
    price: number,
    amount: number,
  ): void {
    const index = this.#trade(stream, timestamp, side, price, amount);
    this.#batches.trades.columns.id.setFrom(index, bytes, start, end);
  }

  #trade(stream: number, timestamp: number, side: TakerSide, price: number, amount: number): number {
    const batch = this.#batches.trades;
    const index = this.#begin(batch, stream, timestamp);
    const columns = batch.columns;
    columns.side[index] = side === 'buy' ? 0 : side === 'sell' ? 1 : 2;
    columns.price[index] = price;
    columns.amount[index] = amount;
    return index;
  }

  /**
   * Begins the rows of a book message: `level` follows for each.
   * @returns its number; `bookMessage` tells whether levels still go to it.
   */
  beginBook(
    stream: number,
    timestamp: number,
    isSnapshot: boolean,
    origin: BookOrigin,
    step: number,
    sequence: number,
    valid: boolean,
  ): number {
    const batch = this.#batches.book;
    if (batch.markedIn !== this.#begun) batch.markFrame(this.#begun);
    const index = batch.nextStretch();
    const { columns } = batch;
    columns.stream[index] = stream;
    columns.timestamp[index] = timestamp;
    columns.local_timestamp[index] = this.#time;
    columns.link[index] = this.#link;
    columns.frame[index] = this.#frame;
    columns.row[index] = this.#row;
    columns.is_snapshot[index] = isSnapshot ? 1 : 0;
    columns.origin[index] = ORIGIN_CODE[origin];
    columns.step[index] = step;
    columns.sequence[index] = sequence;
    columns.valid[index] = valid ? 1 : 0;
    this.#bookMessage = ++this.#bookMessages;
    return this.#bookMessage;
  }

  /** The book message that levels go to; 0 where there is none: another frame or row came between, or a rollback. */
  get bookMessage(): number {
    return this.#bookMessage;
  }

  /**
   * One level of the book message begun last. `side` null: the row that clears the book, the first of every snapshot
   * (its price and amount are null).
   */
  level(side: BookSide | null, price: number, amount: number): void {
    if (this.#bookMessage === 0) throw new Error('a level belongs to no message of a book');
    const batch = this.#batches.book;
    const index = batch.next();
    if (index >= this.#flushRows - 1) this.#isFull = true;
    this.#row++;
    const { columns } = batch;
    columns.side[index] = side === null ? NO_CODE : side === 'bid' ? 0 : 1;
    columns.price[index] = price;
    columns.amount[index] = amount;
  }

  /**
   * `count` levels of one side of the book message begun last. Of level `i`, `numbers` has the price at
   * `i * stride + price`, the amount at `i * stride + amount`.
   */
  levels(
    side: BookSide,
    count: number,
    numbers: Float64Array,
    stride: number,
    price: number,
    amount: number,
  ): void {
    if (this.#bookMessage === 0) throw new Error('levels belong to no message of a book');
    const batch = this.#batches.book;
    const first = batch.take(count);
    if (batch.count >= this.#flushRows) this.#isFull = true;
    this.#row += count;
    const { columns } = batch;
    const [sides, prices, amounts] = [columns.side, columns.price, columns.amount];
    const code = side === 'bid' ? 0 : 1;
    for (let i = 0, at = 0; i < count; i++, at += stride) {
      sides[first + i] = code;
      prices[first + i] = numbers[at + price] as number;
      amounts[first + i] = numbers[at + amount] as number;
    }
  }

  quote(
    stream: number,
    timestamp: number,
    bidPrice: number,
    bidAmount: number,
    askPrice: number,
    askAmount: number,
  ): void {
    const batch = this.#batches.quotes;
    const index = this.#begin(batch, stream, timestamp);
    const columns = batch.columns;
    columns.bid_price[index] = bidPrice;
    columns.bid_amount[index] = bidAmount;
    columns.ask_price[index] = askPrice;
    columns.ask_amount[index] = askAmount;
  }

  /** A ticker row: only what the exchange sends, NaN for the rest. */
  ticker(stream: number, timestamp: number, values: TickerValues): void {
    const batch = this.#batches.tickers;
    const index = this.#begin(batch, stream, timestamp);
    const columns = batch.columns;
    columns.last_price[index] = values.lastPrice ?? Number.NaN;
    columns.open_price[index] = values.openPrice ?? Number.NaN;
    columns.high_price[index] = values.highPrice ?? Number.NaN;
    columns.low_price[index] = values.lowPrice ?? Number.NaN;
    columns.volume[index] = values.volume ?? Number.NaN;
    columns.quote_volume[index] = values.quoteVolume ?? Number.NaN;
    columns.bid_price[index] = values.bidPrice ?? Number.NaN;
    columns.bid_amount[index] = values.bidAmount ?? Number.NaN;
    columns.ask_price[index] = values.askPrice ?? Number.NaN;
    columns.ask_amount[index] = values.askAmount ?? Number.NaN;
  }

  gap(gap: GapRow): void {
    const batch = this.#batches.gap_events;
    const index = this.#begin(batch, gap.stream, Number.NaN);
    const columns = batch.columns;
    columns.gap_id[index] = gap.id;
    columns.event[index] = GAP_EVENTS.indexOf(gap.event);
    columns.from_timestamp[index] = gap.from ?? Number.NaN;
    columns.to_timestamp[index] = gap.to ?? Number.NaN;
    columns.from_sequence[index] = gap.fromSequence ?? Number.NaN;
    columns.to_sequence[index] = gap.toSequence ?? Number.NaN;
    columns.cause[index] = GAP_CAUSES.indexOf(gap.cause);
    columns.detail[index] = gap.detail;
  }

  undecoded(stream: number, reason: UndecodedReason, sample: string): void {
    const batch = this.#batches.undecoded;
    const index = this.#begin(batch, stream, Number.NaN);
    const columns = batch.columns;
    columns.reason[index] = UNDECODED_REASONS.indexOf(reason);
    columns.sample[index] = sample;
  }
}

/** What a ticker message may say; a field that is absent is null in the row. */
export interface TickerValues {
  lastPrice?: number;
  openPrice?: number;
  highPrice?: number;
  lowPrice?: number;
  volume?: number;
  quoteVolume?: number;
  bidPrice?: number;
  bidAmount?: number;
  askPrice?: number;
  askAmount?: number;
}
