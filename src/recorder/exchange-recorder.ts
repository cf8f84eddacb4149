import { type Gunzip, gunzipSync, type ZlibOptions } from 'node:zlib';
import type { DuckDBInstance } from '@duckdb/node-api';
import type { DecoderRequest, Exchange } from '../exchanges/index.ts';
import type { Disk } from '../host/index.ts';
import { type JournalFault, JournalWriter } from '../journal/index.ts';
import {
  type AnyBatch,
  Frame,
  isObject,
  type Json,
  parseJson,
  Rows,
  type Stream,
  TAPE_FORMAT,
  type Table,
  type TapeEvent,
} from '../record/index.ts';
import { FileStore, type JournalKey } from '../store/index.ts';
import type { EntryKind } from './chunk.ts';
import type { Finisher } from './finisher.ts';
import { keyOf } from './journal-files.ts';
import { MarketStats, sampleBatch } from './market-stats.ts';
import type { ExchangeBalance, MarketStatus, RecorderSetup } from './messages.ts';
import { Session } from './session.ts';
import { Watch } from './watch.ts';

/** Staged rows above which the store is waited for before more frames are taken. */
const STAGED_ROWS_MAX = 2_000_000;
/** Journal bytes in memory, not yet durable, above which the disk is waited for. */
const UNSYNCED_BYTES_MAX = 128 * 1024 * 1024;

/** What an exchange's recorder shares with the others. */
export interface RecorderWorld {
  readonly setup: RecorderSetup;
  readonly disk: Disk;
  readonly instance: DuckDBInstance;
  readonly finisher: Finisher;
  request(link: number, request: DecoderRequest): void;
  log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void;
}

/**
 * Records one exchange: every entry goes to the journal first, then through the watch and the session into rows.
 * Journal files are sealed by the hour and by size; each sealed file becomes one store file per table.
 */
export class ExchangeRecorder {
  readonly exchange: Exchange;
  readonly session: Session;
  readonly #world: RecorderWorld;
  readonly #runLink: number;
  readonly #journal: JournalWriter;
  readonly #rows: Rows;
  readonly #watch: Watch;
  readonly #ordinals = new Map<number, number>();
  readonly #markets = new Map<number, string>();
  readonly #stats = new Map<string, MarketStats>();
  readonly #frame = new Frame();
  readonly #stored: Record<string, number> = {};
  readonly #deferred: Partial<Record<Table, number>> = {};
  readonly #finishing: FileStore[] = [];
  /** The journal file begun last: `<date>/<name>`; null where none was. */
  lastFile: string | null = null;
  #store: FileStore | null = null;
  #journaled = 0;
  #time = 0;

  constructor(exchange: Exchange, world: RecorderWorld, journalDirectory: string, state: Json | null) {
    this.exchange = exchange;
    this.#world = world;
    this.#runLink = world.setup.runLinks[exchange.name] ?? 0;
    this.#rows = new Rows(() => undefined);
    this.session = new Session(exchange, this.#rows, {
      request: (link, _frame, request) => world.request(link, request),
    });
    if (state !== null && !this.session.restore(state))
      world.log('warn', 'decoder state of another version was left aside', { exchange: exchange.name });
    this.#journal = new JournalWriter({
      disk: world.disk,
      directory: journalDirectory,
      exchange: exchange.name,
      syncMs: world.setup.syncMs,
      fileBytesMax: world.setup.fileBytesMax,
      onFault: (fault) => this.#diskFault(fault),
    });
    this.#watch = new Watch(exchange, {
      streams: this.#rows.streams,
      heardAt: (stream) => this.session.heardAt[stream] ?? 0,
      event: (link, event) => this.#own(link, event),
      request: (link, request) => world.request(link, request),
      log: (message, fields) => world.log('info', message, { exchange: exchange.name, ...fields }),
    });
  }

  /**
   * The journal goes on in a new file by itself. Rows are made from sealed files only: those of the failed file and of
   * the one that took over come from the journal at the next start.
   */
  #diskFault({ act, path, message, retryMs }: JournalFault): void {
    const exchange = this.exchange.name;
    const fields = { exchange, act, path, error: message, retryMs };
    this.#world.log('error', 'the disk refused the journal; going on in a new file', fields);
    this.#dropStore();
  }

  /** True where the next entry of this time belongs into a new file: `beginFile` must be awaited first. */
  needsFile(time: number): boolean {
    return !this.#journal.isOpen || this.#journal.shouldRotate(time);
  }

  /** Seals the present file, if any, and begins the next one with its state, opening line and opening books. */
  async beginFile(time: number): Promise<void> {
    this.#time = Math.max(this.#time, time);
    await this.#seal(this.#time);
    const state = Buffer.from(JSON.stringify(this.session.state()));
    const key = keyOf(await this.#journal.beginFile(this.#time, state));
    this.lastFile = `${key.date}/${key.name}`;
    await this.#openStore(key);
    const isFirst = !this.#ordinals.has(this.#runLink);
    // What the session still holds when a run begins was open when the last one was killed: it is open no more.
    const links = isFirst ? [] : this.session.openLinks();
    this.#own(this.#runLink, { event: 'file', format: TAPE_FORMAT, exchange: this.exchange.name, links });
    if (!isFirst) return;
    const { version, simulated } = this.#world.setup;
    this.#own(this.#runLink, { event: 'started', version, exchange: this.exchange.name, simulated });
  }

  async #openStore(key: JournalKey): Promise<void> {
    try {
      this.#store = await FileStore.open(
        this.#world.setup.data,
        key,
        this.#world.instance,
        this.#rows.streams,
      );
    } catch (error) {
      this.#storeFault(error as Error);
    }
    this.#rows.redirect((batch, streams) => {
      sampleBatch(batch, streams, (market) => this.#statsOf(market));
      this.#storeBatch(batch);
    });
  }

  #storeBatch(batch: AnyBatch): void {
    try {
      this.#store?.append(batch);
    } catch (error) {
      this.#storeFault(error as Error);
    }
    if (this.#store === null) this.#defer(batch.table, batch.count);
  }

  /** Rows that the next start will make. */
  #defer(table: Table, rows: number): void {
    this.#deferred[table] = (this.#deferred[table] ?? 0) + rows;
  }

  /** The store fails, the journal goes on: rows of this file come again from the journal at the next start. */
  #storeFault(error: Error): void {
    const exchange = this.exchange.name;
    const message = 'the store failed; the journal goes on, and its rows will be made at the next start';
    this.#world.log('error', message, { exchange, error: error.message });
    this.#dropStore();
  }

  #dropStore(): void {
    const store = this.#store;
    this.#store = null;
    if (store === null) return;
    for (const [table, rows] of Object.entries(store.rows)) this.#defer(table as Table, rows);
    store.discard().catch((error: Error) => {
      this.#world.log('error', 'discarding the store failed', { error: error.message });
    });
  }

  /** Takes one entry of the ear. `needsFile` must be false. */
  entry(time: number, link: number, kind: EntryKind, bytes: Buffer, start: number, end: number): void {
    this.#time = time;
    switch (kind) {
      case 'text':
        this.#received(time, link, 'received', bytes, start, end);
        break;
      case 'binary': {
        const text = inflate(bytes.subarray(start, end), this.#world.setup.frameBytesMax);
        if (text === null) this.#received(time, link, 'received', bytes, start, end);
        else this.#received(time, link, 'gzip', text, 0, text.length);
        break;
      }
      case 'sent': {
        const frame = this.#journalled(time, link, 'sent', bytes, start, end);
        this.session.line(frame);
        this.#watch.sent(frame);
        break;
      }
      case 'rest':
        this.session.line(this.#journalled(time, link, 'rest', bytes, start, end));
        break;
      case 'event':
        this.#event(time, link, bytes, start, end);
        break;
    }
  }

  #received(
    time: number,
    link: number,
    kind: 'received' | 'gzip',
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const frame = this.#journalled(time, link, kind, bytes, start, end);
    this.#journaled++;
    const stats = this.#statsOf(this.#markets.get(link) ?? '');
    stats.frames++;
    stats.bytes += end - start;
    this.session.line(frame);
    this.#watch.received(frame);
  }

  #event(time: number, link: number, bytes: Buffer, start: number, end: number): void {
    const frame = this.#journalled(time, link, 'event', bytes, start, end);
    const event = parseJson(frame.text());
    if (isObject(event) && event.event === 'dialled') {
      const market = String(event.market);
      this.#markets.set(link, market);
      this.#watch.dialled(link, market, event.streams as Stream[], time);
    } else if (isObject(event) && event.event === 'closed') this.#watch.closed(link);
    this.session.line(frame);
    if (isObject(event) && event.event === 'closed') this.#forget(link);
  }

  #forget(link: number): void {
    this.#markets.delete(link);
    this.#ordinals.delete(link);
  }

  /** Gives the entry its ordinal and writes it to the journal; the frame is valid until the next one. */
  #journalled(
    time: number,
    link: number,
    kind: Frame['kind'],
    bytes: Buffer,
    start: number,
    end: number,
  ): Frame {
    const ordinal = (this.#ordinals.get(link) ?? 0) + 1;
    this.#ordinals.set(link, ordinal);
    const frame = this.#frame.set(time, link, ordinal, kind, bytes, start, end);
    this.#journal.append(time, link, ordinal, kind, bytes, start, end);
    return frame;
  }

  /** A line of our own making, at the tape's present time. */
  #own(link: number, event: TapeEvent): void {
    const bytes = Buffer.from(JSON.stringify(event));
    const ordinal = (this.#ordinals.get(link) ?? 0) + 1;
    this.#ordinals.set(link, ordinal);
    const frame = new Frame().set(this.#time, link, ordinal, 'event', bytes);
    this.#journal.append(this.#time, link, ordinal, 'event', bytes, 0, bytes.length);
    this.session.line(frame);
  }

  /** Everything up to `time` is in: deadlines are judged, blocks that are due are written. */
  upTo(time: number): void {
    this.#time = Math.max(this.#time, time);
    if (this.#journal.isOpen) this.#watch.upTo(time);
    this.tick();
  }

  /** Writes the block whose time has come. */
  tick(): void {
    this.#journal.tick(performance.now());
  }

  /** Waits where a queue behind the journal has reached its bound. */
  async relieve(): Promise<void> {
    if (this.#journal.unsyncedBytes > UNSYNCED_BYTES_MAX) await this.#journal.durable();
    if ((this.#store?.stagedRows ?? 0) > STAGED_ROWS_MAX) await this.flushStore();
  }

  get overloaded(): boolean {
    return (
      this.#journal.unsyncedBytes > UNSYNCED_BYTES_MAX || (this.#store?.stagedRows ?? 0) > STAGED_ROWS_MAX
    );
  }

  /** Makes the rows so far readable in `recent/`. */
  async flushStore(): Promise<void> {
    this.#rows.flush();
    const store = this.#store;
    try {
      await store?.flush();
    } catch (error) {
      if (store === this.#store) this.#storeFault(error as Error);
    }
  }

  async #seal(time: number): Promise<void> {
    if (!this.#journal.isOpen) return;
    const ordinal = (this.#ordinals.get(this.#runLink) ?? 0) + 1;
    this.#ordinals.set(this.#runLink, ordinal);
    const sealed = await this.#journal.seal({ time, link: this.#runLink, ordinal });
    this.#rows.flush();
    if (sealed === null) this.#dropStore();
    const store = this.#store;
    this.#store = null;
    if (store === null) return;
    this.#finishing.push(store);
    this.#world.finisher.add(store, (rows) => {
      for (const [table, count] of Object.entries(rows))
        this.#stored[table] = (this.#stored[table] ?? 0) + count;
    });
  }

  /** Seals the last file. The session's state is then that of the journal's end. */
  async stop(): Promise<void> {
    await this.#seal(this.#time);
  }

  /** How everything received was used. Call it after `stop` and after the finisher has settled. */
  balance(received: number): ExchangeBalance {
    const unfinished = this.#finishing.filter((store) => this.#world.finisher.late.includes(store));
    const made = this.#rows.made;
    return {
      exchange: this.exchange.name,
      received,
      journaled: this.#journaled,
      outcomes: this.session.counts,
      rows: (Object.keys(made) as (keyof typeof made)[]).map((table) => ({
        table,
        made: made[table],
        stored: unfinished.reduce(
          (sum, store) => sum + store.rows[table],
          (this.#stored[table] ?? 0) + (this.#deferred[table] ?? 0),
        ),
      })),
      checksums: this.session.checksums,
      decoderErrors: this.session.decoderErrors,
      inexactNumbers: this.session.decimals.inexact,
      unfinished: unfinished.map(({ key }) => `${key.exchange}/${key.date}/${key.name}`),
    };
  }

  #statsOf(market: string): MarketStats {
    let stats = this.#stats.get(market);
    if (stats === undefined) {
      stats = new MarketStats();
      this.#stats.set(market, stats);
    }
    return stats;
  }

  /** The live table's lines; frame and byte counts are totals of the run. */
  status(): MarketStatus[] {
    this.#rows.flush();
    const openGaps = new Map<string, number>();
    for (const stream of this.session.gaps.streams()) {
      const { market } = this.#rows.streams.entry(stream);
      openGaps.set(market, (openGaps.get(market) ?? 0) + 1);
    }
    return [...new Set(this.#markets.values())].sort().map((market) => {
      const stats = this.#statsOf(market);
      const { asked, up } = this.#watch.counts(market);
      return {
        exchange: this.exchange.name,
        market,
        frames: stats.frames,
        bytes: stats.bytes,
        journalBytes: this.#journal.bytesWritten,
        streamsAsked: asked,
        streamsUp: up,
        gapsOpen: openGaps.get(market) ?? 0,
        gaps: stats.gaps,
        lastTrade: stats.lastTrade,
        lagMsP50: stats.lagMs(50),
        lagMsP99: stats.lagMs(99),
      };
    });
  }
}

/**
 * The text of a payload that is one gzip member; null where it is none, where bytes follow it (its text alone would
 * lose them), or where it inflates to more than the limit.
 */
function inflate(payload: Buffer, bytesMax: number): Buffer | null {
  if (payload[0] !== 0x1f || payload[1] !== 0x8b) return null;
  try {
    const options: ZlibOptions = { maxOutputLength: bytesMax, info: true };
    const { buffer, engine } = gunzipSync(payload, options) as unknown as { buffer: Buffer; engine: Gunzip };
    return engine.bytesWritten === payload.length ? buffer : null;
  } catch {
    return null;
  }
}
