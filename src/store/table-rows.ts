import { type AnyBatch, CHANNELS, NO_CODE, type StreamDictionary, type Table } from '../record/index.ts';
import { type RowBuffer, rowBytes, rowsOf } from './row-buffer.ts';
import { compareNames, StreamRows } from './stream-rows.ts';

/** How much of a table is in memory and in a row group. Files are a function of these, but the last, and of the rows alone. */
export interface RowLimits {
  /** Rows of a row group at most; fewer where their texts reach `textBytes`. */
  readonly groupRows: number;
  readonly textBytes: number;
  /** Every so many rows of a table, or `textBytes` of their texts, its memory is looked at. */
  readonly lookRows: number;
  /** Bytes of open rows of a table from which on some of them must go. */
  readonly openBytes: number;
  /** Rows, or bytes, that make a row group of their own rather than being put aside. */
  readonly earlyRows: number;
  readonly earlyBytes: number;
  /** Bytes of memory of rows on their way into files, all tables together, from which on more rows have to wait. */
  readonly waitingBytes: number;
}

export const ROW_LIMITS: RowLimits = {
  groupRows: 65_536,
  textBytes: 8 * 1024 * 1024,
  lookRows: 16_384,
  openBytes: 24 * 1024 * 1024,
  earlyRows: 8192,
  earlyBytes: 1024 * 1024,
  waitingBytes: 64 * 1024 * 1024,
};

/** Rows that left memory: a row group of one name, or rows put aside. */
export interface Closed {
  readonly stream: StreamRows;
  readonly rows: RowBuffer;
}

interface ClosedAt extends Closed {
  readonly place: number;
}

/** Where closed rows go: at once, in the order of calls, which is that of the rows that closed them. */
export interface TableSink {
  group(closed: Closed): void;
  aside(closed: readonly Closed[]): void;
  /** An empty buffer of a full row group's size, if one is at hand. */
  spare(): RowBuffer | null;
}

/**
 * The rows of one table of a journal file, sorted into names as they come. What a name has is closed as a row group
 * when there is enough of it. Where too much is open, the name with the most rows is closed early, or, if all are
 * small, everything is put aside. All of it depends on the rows and their order alone.
 */
export class TableRows {
  readonly table: Table;
  /** Rows taken so far. */
  rows = 0;
  /** Bytes of the texts taken since memory was looked at. */
  #textBytes = 0;
  readonly #dictionary: StreamDictionary;
  readonly #sink: TableSink;
  readonly #limits: RowLimits;
  readonly #rowBytes: number;
  /** Each name in the order of its first row: its place here is its slot. */
  readonly #streams: StreamRows[] = [];
  readonly #slotByNames = new Map<string, number>();
  readonly #slotByCode: number[] = [];
  /** Codes of the channels, by the streams' codes. */
  #channels = new Uint8Array(64);
  /** While a batch is sorted: the slot of each row, the rows of each slot, the slots met, and the rows by slot. */
  readonly #slots: Uint32Array<ArrayBuffer>;
  #counts = new Uint32Array(64);
  readonly #met: number[] = [];
  readonly #order: Uint32Array<ArrayBuffer>;
  /** And what is closed meanwhile, with the place in the batch of the row or stretch that closed it: that of the last one added. */
  #closed: ClosedAt[] | null = null;
  #place = 0;

  constructor(table: Table, dictionary: StreamDictionary, sink: TableSink, limits: RowLimits) {
    this.table = table;
    this.#limits = limits;
    this.#slots = new Uint32Array(limits.lookRows);
    this.#order = new Uint32Array(limits.lookRows);
    this.#dictionary = dictionary;
    this.#sink = sink;
    this.#rowBytes = rowBytes(table);
  }

  /** False where rows of a name came in another order than they stand in. */
  get isInOrder(): boolean {
    return this.#streams.every(({ isInOrder }) => isInOrder);
  }

  /** All names that have rows, in the order of a file. */
  sorted(): StreamRows[] {
    return [...this.#streams].sort((one, other) => compareNames(one.names, other.names));
  }

  /**
   * Takes a batch's rows.
   * @throws RangeError for a stream that nobody named.
   */
  append(batch: AnyBatch): void {
    const { lookRows, textBytes } = this.#limits;
    for (let start = 0; start < batch.count; ) {
      const most = Math.min(batch.count - start, lookRows - (this.rows % lookRows));
      const { rows, bytes } = textsUpTo(batch, start, most, textBytes - this.#textBytes);
      this.#take(batch, start, rows, bytes);
      this.rows += rows;
      this.#textBytes += bytes;
      start += rows;
      if (this.rows % lookRows === 0 || this.#textBytes >= textBytes) this.#look();
    }
  }

  /** `bytes`: those of the rows' texts. */
  #take(batch: AnyBatch, start: number, rows: number, bytes: number): void {
    const { stream } = batch.columns;
    const first = batch.stretchOf(start);
    const end = batch.stretchOf(start + rows - 1) + 1;
    const code = stream[first] as number;
    let same = first + 1;
    while (same < end && stream[same] === code) same++;
    if (same === end) this.#takeRange(batch, start, rows, bytes);
    else if (isCut(batch, first, end, start, rows)) {
      // Stretch by stretch: the first and the last of them are not here whole.
      for (let stretch = first; stretch < end; stretch++) {
        const from = Math.max(start, batch.starts?.[stretch] ?? stretch);
        const until = stretch + 1 < end ? (batch.starts?.[stretch + 1] ?? stretch + 1) : start + rows;
        this.#takeRange(batch, from, until - from, bytes);
      }
    } else this.#takeSorted(batch, first, end, bytes);
  }

  /** Takes rows of one stream. */
  #takeRange(batch: AnyBatch, start: number, rows: number, bytes: number): void {
    const code = batch.columns.stream[batch.stretchOf(start)] as number;
    const to = this.#streams[this.#slotOf(code)] as StreamRows;
    this.#add(to, bytes, rows, (at, count) => to.open.append(batch, start + at, count, this.#channels));
  }

  /** Sorts whole stretches by their names, without disturbing the order within each. */
  #takeSorted(batch: AnyBatch, start: number, end: number, bytes: number): void {
    const { stream } = batch.columns;
    const met = this.#met;
    met.length = 0;
    let last = -1;
    let slot = 0;
    for (let i = 0; i < end - start; i++) {
      const code = stream[start + i] as number;
      if (code !== last) slot = this.#slotOf(code);
      last = code;
      this.#slots[i] = slot;
      const count = this.#counts[slot] as number;
      if (count === 0) met.push(slot);
      this.#counts[slot] = count + 1;
    }
    let behind = 0;
    for (const each of met) {
      behind += this.#counts[each] as number;
      this.#counts[each] = behind - (this.#counts[each] as number);
    }
    for (let i = 0; i < end - start; i++) {
      const place = this.#counts[this.#slots[i] as number] as number;
      this.#order[place] = start + i;
      this.#counts[this.#slots[i] as number] = place + 1;
    }
    let from = 0;
    const closed: ClosedAt[] = [];
    this.#closed = closed;
    for (const each of met) {
      const first = from;
      from = this.#counts[each] as number;
      this.#counts[each] = 0;
      this.#addPicked(this.#streams[each] as StreamRows, batch, first, from - first, bytes);
    }
    this.#closed = null;
    // Not name by name: which rows share a batch must not show.
    for (const one of closed.sort((a, b) => a.place - b.place)) this.#handOn(one);
  }

  /** Adds the stretches at places of `#order`. */
  #addPicked(to: StreamRows, batch: AnyBatch, first: number, count: number, bytes: number): void {
    const order = this.#order;
    if (batch.starts === null) {
      this.#add(to, bytes, count, (at, some) => {
        this.#place = order[first + at + some - 1] as number;
        to.open.pick(batch, order, first + at, some, some, this.#channels);
      });
      return;
    }
    let rows = 0;
    for (let n = 0; n < count; n++) rows += rowsOf(batch, order[first + n] as number);
    if (rows <= this.#limits.groupRows - to.rows) {
      this.#place = order[first + count - 1] as number;
      this.#add(to, bytes, rows, () => to.open.pick(batch, order, first, count, rows, this.#channels));
    } else
      for (let n = 0; n < count; n++) {
        const stretch = order[first + n] as number;
        this.#place = stretch;
        this.#takeRange(batch, batch.starts[stretch] as number, rowsOf(batch, stretch), bytes);
      }
  }

  /**
   * Adds rows by `take(how many were taken, how many to take)`, closing each row group that gets full. Their texts have
   * `bytes` at most.
   */
  #add(to: StreamRows, bytes: number, rows: number, take: (at: number, count: number) => void): void {
    const { groupRows, textBytes } = this.#limits;
    const isLarge = bytes + to.open.textBytes >= textBytes;
    for (let at = 0; at < rows; ) {
      const count = isLarge ? 1 : Math.min(rows - at, groupRows - to.open.rows);
      const before = to.open.rows;
      take(at, count);
      to.checkOrder(before);
      at += count;
      if (to.open.rows === groupRows || (isLarge && to.open.textBytes >= textBytes)) this.#close(to);
    }
  }

  #close(stream: StreamRows): void {
    const isFull = stream.open.rows === this.#limits.groupRows;
    const closed = { stream, rows: stream.take(isFull ? this.#sink.spare() : null) };
    if (this.#closed === null) this.#handOn(closed);
    else this.#closed.push({ ...closed, place: this.#place });
  }

  #handOn(closed: Closed): void {
    if (closed.stream.isAside) this.#sink.aside([closed]);
    else this.#sink.group(closed);
  }

  #look(): void {
    this.#textBytes = 0;
    const { openBytes, earlyRows, earlyBytes } = this.#limits;
    const all = this.#streams
      .filter(({ rows }) => rows > 0)
      .map((stream) => ({ stream, bytes: stream.rows * this.#rowBytes + stream.textBytes }))
      .sort((one, other) => other.bytes - one.bytes || compareNames(one.stream.names, other.stream.names));
    let open = all.reduce((sum, { bytes }) => sum + bytes, 0);
    let n = 0;
    for (; open > openBytes && n < all.length; n++) {
      const { stream, bytes } = all[n] as (typeof all)[number];
      if (stream.rows < earlyRows && bytes < earlyBytes) break;
      open -= bytes;
      this.#close(stream);
    }
    const rest = all.slice(n);
    if (open > openBytes) this.#putAside(rest.map(({ stream }) => stream));
    // A name that was busy once must not keep its memory: that is nobody's row's business.
    else if (rest.reduce((sum, { stream }) => sum + stream.memory, 0) > 2 * openBytes)
      for (const { stream, bytes } of rest) if (stream.memory > 4 * bytes) stream.compact();
  }

  /** In the order of names, in which they are read again. */
  #putAside(streams: readonly StreamRows[]): void {
    const closed = [...streams]
      .sort((one, other) => compareNames(one.names, other.names))
      .map((stream) => ({ stream, rows: stream.take(null) }));
    for (const { stream } of closed) stream.isAside = true;
    this.#sink.aside(closed);
  }

  /** Where the rows of a stream go: what shares a name shares its rows. */
  #slotOf(code: number): number {
    const known = this.#slotByCode[code];
    if (known !== undefined) return known;
    const { market, symbol, feed, channel } = this.#dictionary.entry(code);
    const key = JSON.stringify([market, symbol, feed]);
    let slot = this.#slotByNames.get(key);
    if (slot === undefined) {
      slot = this.#streams.length;
      this.#streams.push(new StreamRows(this.table, { market, symbol, feed }));
      this.#slotByNames.set(key, slot);
      if (slot >= this.#counts.length) this.#counts = grown(this.#counts, slot);
    }
    this.#slotByCode[code] = slot;
    if (code >= this.#channels.length) this.#channels = grown(this.#channels, code);
    this.#channels[code] = channel === null ? NO_CODE : CHANNELS.indexOf(channel);
    return slot;
  }
}

function grown<A extends Uint32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(array: A, index: number): A {
  const made = array instanceof Uint8Array ? new Uint8Array(index * 2 + 1) : new Uint32Array(index * 2 + 1);
  made.set(array);
  return made as A;
}

/** Whether the first or the last of the stretches has rows besides these. */
function isCut(batch: AnyBatch, first: number, end: number, start: number, rows: number): boolean {
  const { starts } = batch;
  if (starts === null) return false;
  return starts[first] !== start || (starts[end - 1] as number) + rowsOf(batch, end - 1) !== start + rows;
}

/** Rows up to the one whose text brings all of them to `limit`, or all of them; and the bytes of their texts. */
function textsUpTo(
  batch: AnyBatch,
  start: number,
  most: number,
  limit: number,
): { readonly rows: number; readonly bytes: number } {
  const all = textBytesOf(batch, start, most);
  if (all < limit) return { rows: most, bytes: all };
  let rows = 0;
  let bytes = 0;
  while (rows < most && bytes < limit) bytes += textBytesOf(batch, start + rows++, 1);
  return { rows, bytes };
}

/** Bytes of the texts of rows as they are held. */
function textBytesOf(batch: AnyBatch, start: number, rows: number): number {
  let bytes = 0;
  for (const { name, kind } of batch.definitions) {
    if (kind === 'id') bytes += batch.ids(name).startOf(start + rows) - batch.ids(name).startOf(start);
    else if (kind === 'text') {
      const texts = batch.array(name) as (string | null)[];
      for (let row = start; row < start + rows; row++) bytes += 4 + Buffer.byteLength(texts[row] ?? '');
    }
  }
  return bytes;
}
