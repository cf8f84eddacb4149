import { gunzipSync } from 'node:zlib';
import { EXCHANGES, type Exchange, findExchange } from '../exchanges/index.ts';
import {
  Frame,
  isObject,
  type JsonObject,
  parseJson,
  type RowObject,
  Rows,
  restPayload,
  rowObject,
} from '../record/index.ts';
import { Session } from './session.ts';

/** Largest text a gzip payload may inflate to, bytes: the same limit as for a frame. */
const INFLATED_MAX = 16 * 1024 * 1024;

interface CorpusLink {
  readonly link: number;
  readonly market: string;
  readonly session: Session;
  ordinal: number;
}

/**
 * Reads messages that did not come from our own sockets into rows: captures in the corpus form (one JSON object a
 * line, see `docs/decode.md`), or raw messages one a line. State is kept from line to line as on a live link.
 *
 * In a capture each `open` address decides exchange and market; links count from 1 in the order of `open` lines. Raw
 * lines are link 1, with the line number as frame.
 */
export class CorpusReader {
  readonly #onRow: (row: RowObject) => void;
  readonly #sessions = new Map<string, Session>();
  readonly #links = new Map<string, CorpusLink>();
  readonly #frame = new Frame();
  #lineNumber = 0;

  constructor(onRow: (row: RowObject) => void) {
    this.#onRow = onRow;
  }

  /** The sessions opened so far, for counts. */
  get sessions(): Iterable<Session> {
    return this.#sessions.values();
  }

  /**
   * Takes a line in the corpus form.
   * @throws Error on a line that is no such object, or an `open` address that no exchange knows.
   */
  captureLine(line: string): void {
    this.#lineNumber++;
    if (line.trim() === '') return;
    const entry = parseJson(line);
    if (!isObject(entry) || typeof entry.t !== 'string')
      throw new Error(
        `line ${this.#lineNumber}: expected a JSON object with "t" (open, sent, recv or http); for raw messages give --exchange and --market`,
      );
    const time = Math.round(Number(entry.ts ?? 0) * 1e6);
    if (entry.t === 'open') this.#open(time, entry);
    else if (entry.t === 'close') this.#close(time, entry);
    else if (entry.t === 'http') this.#rest(time, entry);
    else if (entry.t === 'sent')
      this.#put(this.#linkOf(entry), time, 'sent', Buffer.from(String(entry.data)));
    else if (entry.t === 'recv') this.#receive(time, entry);
    else
      throw new Error(
        `line ${this.#lineNumber}: "t" is ${JSON.stringify(entry.t)}, expected open, sent, recv, http or close`,
      );
  }

  /** Takes one raw message of an exchange's market, which has been opened with `openRaw`. */
  rawLine(line: string): void {
    this.#lineNumber++;
    const link = this.#links.get('raw');
    if (link === undefined) throw new Error('rawLine before openRaw');
    link.ordinal = this.#lineNumber - 1;
    this.#put(link, 0, 'received', Buffer.from(line));
  }

  /** Opens link 1 for raw messages. Its opening is not one of the numbered frames. */
  openRaw(exchangeName: string, market: string): void {
    const exchange = findExchange(exchangeName);
    const known = exchange?.markets[market];
    if (exchange === undefined || known === undefined)
      throw new Error(`no market ${exchangeName} ${market}; see feedtape decode --help`);
    this.#dial('raw', 0, exchange, market, known.websocket, 0);
  }

  #open(time: number, entry: JsonObject): void {
    const url = new URL(String(entry.url));
    for (const exchange of EXCHANGES) {
      const meaning = exchange.readUrl(url);
      if (meaning !== null) {
        this.#dial(String(entry.conn), time, exchange, meaning.market, url.href, 0, meaning.streams);
        return;
      }
    }
    throw new Error(
      `line ${this.#lineNumber}: no exchange known here has the address ${url.origin}${url.pathname}`,
    );
  }

  /** Fields that no shape declares, met so far: by exchange, message and path, how many messages have them. */
  drift(): [string, number][] {
    return [...this.#sessions].flatMap(([name, { drift }]) =>
      [...drift.counts].map(([path, count]): [string, number] => [`${name}: ${path}`, count]),
    );
  }

  #dial(
    conn: string,
    time: number,
    exchange: Exchange,
    market: string,
    url: string,
    ordinal: number,
    streams: readonly unknown[] = [],
  ): void {
    const session = this.#sessions.get(exchange.name) ?? new Session(exchange, new Rows(() => undefined));
    this.#sessions.set(exchange.name, session);
    const link = { link: this.#links.size + 1, market, session, ordinal };
    this.#links.set(conn, link);
    const event = { event: 'dialled', exchange: exchange.name, market, url, streams };
    this.#put(link, time, 'event', Buffer.from(JSON.stringify(event)));
  }

  #close(time: number, entry: JsonObject): void {
    const event = {
      event: 'closed',
      code: entry.code ?? 1006,
      reason: entry.reason ?? '',
      by: 'exchange',
      stopping: false,
    };
    this.#put(this.#linkOf(entry), time, 'event', Buffer.from(JSON.stringify(event)));
  }

  #linkOf(entry: JsonObject): CorpusLink {
    const link = this.#links.get(String(entry.conn));
    if (link === undefined)
      throw new Error(
        `line ${this.#lineNumber}: connection ${JSON.stringify(entry.conn)} has no "open" line before it`,
      );
    return link;
  }

  #receive(time: number, entry: JsonObject): void {
    const link = this.#linkOf(entry);
    if (typeof entry.b64 !== 'string') {
      this.#put(link, time, 'received', Buffer.from(String(entry.data)));
      return;
    }
    const bytes = Buffer.from(entry.b64, 'base64');
    const text = inflated(bytes);
    this.#put(link, time, text === null ? 'received' : 'gzip', text ?? bytes);
  }

  /** A REST answer goes to the link whose market's REST host it came from, else to the first link. */
  #rest(time: number, entry: JsonObject): void {
    const url = String(entry.url);
    const links = [...this.#links.values()];
    const owner = links.find(({ session, market }) =>
      url.startsWith(session.exchange.markets[market]?.rest ?? '\u0000'),
    );
    const link = entry.conn === undefined ? (owner ?? links[0]) : this.#linkOf(entry);
    if (link === undefined) throw new Error(`line ${this.#lineNumber}: a REST answer before any "open" line`);
    const body = String(entry.data);
    this.#put(
      link,
      time,
      'rest',
      Buffer.from(restPayload({ status: Number(entry.status ?? 200), url, body })),
    );
  }

  #put(link: CorpusLink, time: number, kind: Frame['kind'], bytes: Buffer): void {
    link.ordinal++;
    const { session } = link;
    const rows: RowObject[] = [];
    session.rows.redirect((batch, streams) => {
      for (let i = 0; i < batch.count; i++) rows.push(rowObject(batch, i, streams, session.exchange.name));
    });
    session.line(this.#frame.set(time, link.link, link.ordinal, kind, bytes));
    session.rows.flush();
    rows.sort(
      (a, b) =>
        Number(a.link) - Number(b.link) || Number(a.frame) - Number(b.frame) || Number(a.row) - Number(b.row),
    );
    for (const row of rows) this.#onRow(row);
  }
}

/** The text of a gzip member; null where the bytes are none, are damaged, or inflate to more than the limit. */
function inflated(bytes: Buffer): Buffer | null {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return null;
  try {
    return gunzipSync(bytes, { maxOutputLength: INFLATED_MAX });
  } catch {
    return null;
  }
}
