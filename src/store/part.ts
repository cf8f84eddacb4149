import { open } from 'node:fs/promises';
import type { AnyBatch, Column, StreamDictionary } from '../record/index.ts';
import { ByteSink } from './byte-sink.ts';
import { type StreamColumn, streamColumns } from './columns.ts';
import {
  bytesOf,
  type Chunk,
  footer,
  type Group,
  MAGIC,
  MEANING,
  type PhysicalType,
  TYPE,
} from './footer.ts';
import {
  ENCODING,
  PAGE_ROWS,
  writeCount,
  writeDataPage,
  writeDictionaryPage,
  writeFlags,
  writeIds,
  writeIntegers,
  writeNumbers,
  writePlaces,
  writeTexts,
} from './page.ts';

/** Rows after which a row group is closed: what DuckDB gives one thread to read. */
const GROUP_ROWS = 122_880;

const STREAM_COLUMNS = ['market', 'symbol', 'feed', 'channel'] as const;

const NUMBER32 = { type: TYPE.int32, meaning: MEANING.uint32 };
const TEXT = { type: TYPE.byteArray, meaning: MEANING.utf8 };

const PHYSICAL: Readonly<Record<Column['kind'], PhysicalType>> = {
  id: TEXT,
  text: TEXT,
  code: TEXT,
  number: { type: TYPE.double },
  integer: { type: TYPE.int64, meaning: MEANING.int64 },
  time: { type: TYPE.int64, meaning: MEANING.timestampMicros },
  flag: { type: TYPE.boolean },
};

/** Writes a page's body for rows of a batch and returns its encoding. */
type WritePage = (to: ByteSink, batch: AnyBatch, start: number, rows: number) => number;

const body = new ByteSink(PAGE_ROWS * 16);

/** A column of the row group being filled. */
class PartColumn {
  readonly name: string;
  readonly physical: PhysicalType;
  pages = new ByteSink();
  readonly #writePage: WritePage;
  readonly #dictionary: (() => readonly (string | number)[]) | null;
  readonly #encodings = new Set<number>();

  constructor(
    name: string,
    physical: PhysicalType,
    writePage: WritePage,
    dictionary: (() => readonly (string | number)[]) | null = null,
  ) {
    this.name = name;
    this.physical = physical;
    this.#writePage = writePage;
    this.#dictionary = dictionary;
  }

  add(batch: AnyBatch, start: number, rows: number): void {
    body.length = 0;
    const encoding = this.#writePage(body, batch, start, rows);
    this.#encodings.add(encoding);
    writeDataPage(this.pages, rows, encoding, body.written());
  }

  close(): Chunk {
    let dictionary: Buffer | null = null;
    if (this.#dictionary !== null) {
      const entries = this.#dictionary();
      body.length = 0;
      for (const entry of entries) typeof entry === 'string' ? body.text(entry) : body.uint32(entry);
      const page = new ByteSink();
      writeDictionaryPage(page, entries.length, body.written());
      dictionary = page.written();
      this.#encodings.add(ENCODING.plain);
    }
    // The bytes go as they are, and room for as many again is made: no copy of megabytes at once.
    const pages = this.pages.written();
    const encodings = [ENCODING.rle, ...this.#encodings];
    this.pages = new ByteSink(pages.length);
    this.#encodings.clear();
    return { column: this, encodings, dictionary, pages };
  }
}

/**
 * The rows of one table on their way into a part: an uncompressed Parquet file of the public columns, and `stream`,
 * the code of the row's stream in the dictionary of this run. Arrays of a batch become pages nearly as they are, so
 * that a row costs little until its finished file is made; market, symbol and feed are places in a dictionary.
 * `arrival` numbers the rows as they came, from the file store's first on.
 */
export class Part {
  rows = 0;
  readonly #streams: StreamDictionary;
  readonly #columns: readonly PartColumn[];
  readonly #groups: Group[] = [];
  #groupRows = 0;
  #groupBytes = 0;
  /** The streams of the row group, by their place in its dictionaries, and where each is. */
  #codes: number[] = [];
  readonly #places = new Map<number, number>();
  readonly #rowPlaces = new Uint32Array(PAGE_ROWS);

  /** Which places are null, by the column that says so; null where none is. */
  readonly #nulls: Record<StreamColumn, Uint8Array | null> = {
    market: null,
    symbol: null,
    feed: null,
    channel: null,
  };
  #nextArrival: number;

  /** `arrival` is the number of the first row. */
  constructor(batch: AnyBatch, exchange: string, streams: StreamDictionary, arrival: number) {
    this.#streams = streams;
    this.#nextArrival = arrival;
    this.#columns = [
      new PartColumn('stream', NUMBER32, this.#writeStream(null), () => this.#codes),
      new PartColumn('arrival', NUMBER32, (to, _batch, _start, rows) =>
        writeCount(to, this.#nextArrival, rows),
      ),
      new PartColumn(
        'exchange',
        TEXT,
        (to, _batch, _start, rows) => writePlaces(to, NOUGHTS, 0, rows, null),
        () => [exchange],
      ),
      ...streamColumns(batch.table).map(
        (name) =>
          new PartColumn(name, TEXT, this.#writeStream(name), () =>
            this.#codes.map((code) => this.#text(code, name) ?? ''),
          ),
      ),
      ...batch.definitions.map(
        (column) =>
          new PartColumn(column.name, PHYSICAL[column.kind], pageWriter(column), dictionaryOf(column)),
      ),
    ];
  }

  /** Bytes held in memory. */
  get bytes(): number {
    return this.#groups.reduce((sum, group) => sum + bytesOf(group), this.#groupBytes);
  }

  /** The codes of all streams that have rows here. */
  readonly used = new Set<number>();

  #text(code: number, name: StreamColumn): string | null {
    return this.#streams.entries[code]?.[name] ?? null;
  }

  #writeStream(name: StreamColumn | null): WritePage {
    return (to, _batch, _start, rows) =>
      writePlaces(to, this.#rowPlaces, 0, rows, name === null ? null : this.#nulls[name]);
  }

  append(batch: AnyBatch): void {
    for (let start = 0; start < batch.count; start += PAGE_ROWS) {
      const rows = Math.min(PAGE_ROWS, batch.count - start);
      this.#findPlaces(batch.columns.stream, start, rows);
      let bytes = 0;
      for (const column of this.#columns) {
        column.add(batch, start, rows);
        bytes += column.pages.length;
      }
      this.#groupBytes = bytes;
      this.#nextArrival += rows;
      this.#groupRows += rows;
      this.rows += rows;
      if (this.#groupRows >= GROUP_ROWS) this.#closeGroup();
    }
  }

  #findPlaces(stream: Uint32Array, start: number, rows: number): void {
    let last = -1;
    let place = 0;
    for (let i = 0; i < rows; i++) {
      const code = stream[start + i] as number;
      if (code !== last) {
        last = code;
        place = this.#placeOf(code);
      }
      this.#rowPlaces[i] = place;
    }
  }

  #placeOf(code: number): number {
    let place = this.#places.get(code);
    if (place === undefined) {
      place = this.#codes.length;
      this.#places.set(code, place);
      this.#codes.push(code);
      this.used.add(code);
      for (const name of STREAM_COLUMNS) if (this.#text(code, name) === null) this.#markNull(name, place);
    }
    return place;
  }

  #markNull(name: StreamColumn, place: number): void {
    let nulls = this.#nulls[name] ?? new Uint8Array(0);
    if (place >= nulls.length) {
      const grown = new Uint8Array((place + 1) * 2);
      grown.set(nulls);
      nulls = grown;
    }
    nulls[place] = 1;
    this.#nulls[name] = nulls;
  }

  #closeGroup(): void {
    if (this.#groupRows === 0) return;
    this.#groups.push({ rows: this.#groupRows, chunks: this.#columns.map((column) => column.close()) });
    this.#groupRows = 0;
    this.#groupBytes = 0;
    this.#codes = [];
    this.#places.clear();
    for (const name of STREAM_COLUMNS) this.#nulls[name] = null;
  }

  /** Writes the file. Nothing may be appended any more. It is not synced: parts may be lost with the power. */
  async write(path: string): Promise<void> {
    this.#closeGroup();
    const handle = await open(path, 'w');
    try {
      await handle.writeFile(this.#contents());
    } finally {
      await handle.close();
    }
  }

  *#contents(): Generator<Uint8Array> {
    yield MAGIC;
    for (const { chunks } of this.#groups)
      for (const { dictionary, pages } of chunks) {
        if (dictionary !== null) yield dictionary;
        yield pages;
      }
    yield footer(this.#columns, this.#groups);
  }
}

const NOUGHTS = new Uint32Array(PAGE_ROWS);

function dictionaryOf({ kind, codes = [] }: Column): (() => readonly string[]) | null {
  return kind === 'code' ? () => codes : null;
}

function pageWriter({ name, kind, codes = [] }: Column): WritePage {
  switch (kind) {
    case 'id':
      return (to, batch, start, rows) => writeIds(to, batch.ids(name), start, rows);
    case 'text':
      return (to, batch, start, rows) => writeTexts(to, batch.array(name) as (string | null)[], start, rows);
    case 'code': {
      const nulls = new Uint8Array(256).fill(1, codes.length);
      return (to, batch, start, rows) => writePlaces(to, batch.array(name) as Uint8Array, start, rows, nulls);
    }
    case 'flag':
      return (to, batch, start, rows) => writeFlags(to, batch.array(name) as Uint8Array, start, rows);
    case 'number':
      return (to, batch, start, rows) => writeNumbers(to, batch.array(name) as Float64Array, start, rows);
    case 'integer':
    case 'time':
      return (to, batch, start, rows) => writeIntegers(to, batch.array(name) as Float64Array, start, rows);
  }
}
