import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { Exchange } from '../exchanges/index.ts';
import { isObject, type JsonObject, parseJson } from '../record/index.ts';

/** Largest capture that is replayed: it is held in memory, because each client gets it from the start. Bytes. */
const CAPTURE_BYTES_MAX = 1024 * 1024 * 1024;

/** Largest text a gzip payload may inflate to, bytes. */
const INFLATED_MAX = 16 * 1024 * 1024;

/** What happened on a recorded connection after it opened, in order. `ts` in seconds. */
export type RecordedLine =
  | { readonly kind: 'sent'; readonly ts: number; readonly text: string }
  | { readonly kind: 'recv'; readonly ts: number; readonly text: string }
  /** A binary frame; `text` is what it says where it is a gzip member. */
  | { readonly kind: 'binary'; readonly ts: number; readonly bytes: Buffer; readonly text: string | null }
  | { readonly kind: 'close'; readonly ts: number; readonly code: number; readonly reason: string };

export interface RecordedConnection {
  readonly conn: string;
  readonly url: URL;
  /** When it opened, seconds. */
  readonly ts: number;
  /** Null where no exchange known here has the address. */
  readonly exchange: Exchange | null;
  /** Empty where the exchange is unknown. */
  readonly market: string;
  readonly lines: RecordedLine[];
}

export interface RecordedAnswer {
  readonly url: URL;
  readonly status: number;
  readonly body: string;
}

export interface Capture {
  readonly connections: readonly RecordedConnection[];
  readonly answers: readonly RecordedAnswer[];
}

/** A capture that cannot be read; the message says where and what was expected. */
export class CaptureError extends Error {
  readonly code = 'bad-capture';

  constructor(file: string, line: number | null, problem: string) {
    super(`${file}${line === null ? '' : `, line ${line}`}: ${problem}`);
    this.name = 'CaptureError';
  }
}

/**
 * Reads a capture in the corpus form: one JSON object a line, `t` one of open, sent, recv, http and close.
 * @throws CaptureError on anything else, and on a file of more than 1 GiB.
 */
export async function readCapture(file: string, exchanges: readonly Exchange[]): Promise<Capture> {
  const { size } = await stat(file);
  if (size > CAPTURE_BYTES_MAX)
    throw new CaptureError(file, null, `${size} bytes, at most ${CAPTURE_BYTES_MAX} are replayed`);
  const reader = new CaptureReader(file, exchanges);
  for await (const line of linesOf(createReadStream(file))) reader.line(line);
  return reader.capture();
}

/** Splits at line feeds alone: a U+2028 may stand in JSON text, where `node:readline` would split too. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      yield Buffer.concat(rest).toString('utf8');
      rest = [];
      start = end + 1;
    }
    rest.push(chunk.subarray(start));
  }
  yield Buffer.concat(rest).toString('utf8');
}

class CaptureReader {
  readonly #file: string;
  readonly #exchanges: readonly Exchange[];
  readonly #connections: RecordedConnection[] = [];
  readonly #answers: RecordedAnswer[] = [];
  readonly #open = new Map<string, RecordedConnection>();
  #number = 0;

  constructor(file: string, exchanges: readonly Exchange[]) {
    this.#file = file;
    this.#exchanges = exchanges;
  }

  line(line: string): void {
    this.#number++;
    if (line.trim() === '') return;
    const entry = parseJson(line);
    if (!isObject(entry)) throw this.#error('expected a JSON object with "t"');
    const ts = Number(entry.ts ?? 0);
    if (!Number.isFinite(ts)) throw this.#error('"ts" must be seconds since the epoch');
    switch (entry.t) {
      case 'open':
        this.#opened(ts, entry);
        break;
      case 'sent':
        this.#lines(entry).push({ kind: 'sent', ts, text: this.#text(entry, 'data') });
        break;
      case 'recv':
        this.#lines(entry).push(this.#received(ts, entry));
        break;
      case 'close': {
        const reason = typeof entry.reason === 'string' ? entry.reason : '';
        this.#lines(entry).push({ kind: 'close', ts, code: Number(entry.code ?? 1006), reason });
        break;
      }
      case 'http': {
        const body = this.#text(entry, 'data');
        this.#answers.push({ url: this.#url(entry), status: Number(entry.status ?? 200), body });
        break;
      }
      default:
        throw this.#error(`"t" is ${JSON.stringify(entry.t)}, expected open, sent, recv, http or close`);
    }
  }

  capture(): Capture {
    if (this.#connections.length === 0)
      throw new CaptureError(this.#file, null, 'there is no "open" line, so there is nothing to replay');
    return { connections: this.#connections, answers: this.#answers };
  }

  #opened(ts: number, entry: JsonObject): void {
    const conn = String(entry.conn);
    const url = this.#url(entry);
    const connection = { conn, url, ts, ...this.#meaning(url, entry), lines: [] };
    this.#connections.push(connection);
    this.#open.set(conn, connection);
  }

  /** Our own ledgers name exchange and market themselves; captures of real exchanges tell them by the address. */
  #meaning(url: URL, entry: JsonObject): { exchange: Exchange | null; market: string } {
    const named = this.#exchanges.find(({ name }) => name === entry.exchange);
    if (named !== undefined && typeof entry.market === 'string' && Object.hasOwn(named.markets, entry.market))
      return { exchange: named, market: entry.market };
    for (const exchange of this.#exchanges) {
      const meaning = exchange.readUrl(url);
      if (meaning !== null) return { exchange, market: meaning.market };
    }
    return { exchange: null, market: '' };
  }

  #received(ts: number, entry: JsonObject): RecordedLine {
    if (typeof entry.b64 !== 'string') return { kind: 'recv', ts, text: this.#text(entry, 'data') };
    const bytes = Buffer.from(entry.b64, 'base64');
    return { kind: 'binary', ts, bytes, text: inflated(bytes) };
  }

  #lines(entry: JsonObject): RecordedLine[] {
    const connection = this.#open.get(String(entry.conn));
    if (connection === undefined)
      throw this.#error(`connection ${JSON.stringify(entry.conn)} has no "open" line before it`);
    return connection.lines;
  }

  #text(entry: JsonObject, key: string): string {
    const text = entry[key];
    if (typeof text !== 'string') throw this.#error(`"${key}" must be text`);
    return text;
  }

  #url(entry: JsonObject): URL {
    const url = URL.parse(String(entry.url));
    if (url === null) throw this.#error(`"url" is no address: ${JSON.stringify(entry.url)}`);
    return url;
  }

  #error(problem: string): CaptureError {
    return new CaptureError(this.#file, this.#number, problem);
  }
}

/** The text of a gzip member; null where the bytes are none. */
function inflated(bytes: Buffer): string | null {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return null;
  try {
    return gunzipSync(bytes, { maxOutputLength: INFLATED_MAX }).toString('utf8');
  } catch {
    return null;
  }
}
