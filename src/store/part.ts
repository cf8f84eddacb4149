import { open } from 'node:fs/promises';
import { type AnyBatch, type Column, type StreamDictionary, TABLES_WITH_CHANNEL } from '../record/index.ts';
import { ByteSink, ThriftWriter } from './byte-sink.ts';
import {
  ENCODING,
  PAGE_ROWS,
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

const MAGIC = Buffer.from('PAR1');

/** Parquet's numbers for the physical types and for what they mean. */
const TYPE = { boolean: 0, int32: 1, int64: 2, double: 5, byteArray: 6 } as const;
const MEANING = { utf8: 0, timestampMicros: 10, uint32: 13, int64: 18 } as const;

interface PhysicalType {
  readonly type: number;
  readonly meaning?: number;
}

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

/** A column chunk that is closed. */
interface Chunk {
  readonly column: PartColumn;
  readonly encodings: readonly number[];
  /** The dictionary page; null where there is none. */
  readonly dictionary: Buffer | null;
  readonly pages: Buffer;
}

interface Group {
  readonly rows: number;
  readonly chunks: readonly Chunk[];
}

/** Writes a page's body for rows of a batch and returns its encoding. */
type WritePage = (to: ByteSink, batch: AnyBatch, start: number, rows: number) => number;

const body = new ByteSink(PAGE_ROWS * 16);

/** A column of the row group being filled. */
class PartColumn {
  readonly name: string;
  readonly physical: PhysicalType;
  readonly pages = new ByteSink();
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
    const pages = Buffer.from(this.pages.written());
    const encodings = [ENCODING.rle, ...this.#encodings];
    this.pages.length = 0;
    this.#encodings.clear();
    return { column: this, encodings, dictionary, pages };
  }
}

/**
 * The rows of one table on their way into a part: an uncompressed Parquet file of the public columns, and `stream`,
 * the code of the row's stream in the dictionary of its time. Arrays of a batch become pages nearly as they are, so
 * that a row costs little until its finished file is made; market, symbol and feed are places in a dictionary.
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

  constructor(batch: AnyBatch, exchange: string, streams: StreamDictionary) {
    this.#streams = streams;
    const channel = TABLES_WITH_CHANNEL.includes(batch.table) ? (['channel'] as const) : [];
    this.#columns = [
      new PartColumn(
        'stream',
        { type: TYPE.int32, meaning: MEANING.uint32 },
        this.#writeStream(),
        () => this.#codes,
      ),
      new PartColumn(
        'exchange',
        TEXT,
        (to, _batch, _start, rows) => writePlaces(to, NOUGHTS, 0, rows, null),
        () => [exchange],
      ),
      ...(['market', 'symbol', 'feed', ...channel] as const).map(
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

  #text(code: number, name: 'market' | 'symbol' | 'feed' | 'channel'): string | null {
    return this.#streams.entries[code]?.[name] ?? null;
  }

  #writeStream(name?: 'market' | 'symbol' | 'feed' | 'channel'): WritePage {
    const isNull = (place: number): boolean =>
      name !== undefined && this.#text(this.#codes[place] ?? -1, name) === null;
    return (to, _batch, _start, rows) =>
      writePlaces(to, this.#rowPlaces, 0, rows, name === undefined || !this.#hasNull() ? null : isNull);
  }

  #hasNull(): boolean {
    return this.#codes.some((code) => {
      const entry = this.#streams.entries[code];
      return entry === undefined || entry.symbol === null || entry.feed === null || entry.channel === null;
    });
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
    }
    return place;
  }

  #closeGroup(): void {
    if (this.#groupRows === 0) return;
    this.#groups.push({ rows: this.#groupRows, chunks: this.#columns.map((column) => column.close()) });
    this.#groupRows = 0;
    this.#groupBytes = 0;
    this.#codes = [];
    this.#places.clear();
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
    const footer = this.#footer();
    footer.uint32(footer.length);
    footer.bytes(MAGIC);
    yield footer.written();
  }

  #footer(): ByteSink {
    const sink = new ByteSink(4096);
    const thrift = new ThriftWriter(sink);
    thrift.i32(1, 1);
    thrift.structs(2, [null, ...this.#columns], (column) => {
      if (column === null) {
        thrift.string(4, 'part');
        thrift.i32(5, this.#columns.length);
        return;
      }
      thrift.i32(1, column.physical.type);
      thrift.i32(3, 1);
      thrift.string(4, column.name);
      if (column.physical.meaning !== undefined) thrift.i32(6, column.physical.meaning);
    });
    thrift.i64(3, this.rows);
    let at = MAGIC.length;
    thrift.structs(4, this.#groups, (group) => {
      thrift.structs(1, group.chunks, (chunk) => {
        thrift.i64(2, at);
        thrift.struct(3, () => describeChunk(thrift, chunk, group.rows, at));
        at += bytesOfChunk(chunk);
      });
      thrift.i64(2, bytesOf(group));
      thrift.i64(3, group.rows);
    });
    thrift.end();
    return sink;
  }
}

const NOUGHTS = new Uint32Array(PAGE_ROWS);

function describeChunk(thrift: ThriftWriter, chunk: Chunk, rows: number, at: number): void {
  const { column, encodings, dictionary } = chunk;
  const bytes = bytesOfChunk(chunk);
  thrift.i32(1, column.physical.type);
  thrift.i32s(2, encodings);
  thrift.strings(3, [column.name]);
  thrift.i32(4, 0);
  thrift.i64(5, rows);
  thrift.i64(6, bytes);
  thrift.i64(7, bytes);
  thrift.i64(9, at + (dictionary?.length ?? 0));
  if (dictionary !== null) thrift.i64(11, at);
}

function bytesOfChunk({ dictionary, pages }: Chunk): number {
  return (dictionary?.length ?? 0) + pages.length;
}

function bytesOf({ chunks }: Group): number {
  return chunks.reduce((sum, chunk) => sum + bytesOfChunk(chunk), 0);
}

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
      const isNull = (place: number): boolean => place >= codes.length;
      return (to, batch, start, rows) =>
        writePlaces(to, batch.array(name) as Uint8Array, start, rows, isNull);
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
