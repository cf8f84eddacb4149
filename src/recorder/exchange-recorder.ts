import type { DuckDBInstance } from '@duckdb/node-api';
import type { DecoderRequest, Exchange } from '../exchanges/index.ts';
import type { Disk } from '../host/index.ts';
import { type JournalFault, JournalWriter } from '../journal/index.ts';
import {
  Frame,
  isObject,
  type Json,
  parseJson,
  Rows,
  type Stream,
  TAPE_FORMAT,
  type TapeEvent,
} from '../record/index.ts';
import type { EntryKind } from './chunk.ts';
import type { Finisher } from './finisher.ts';
import { inflate } from './inflate.ts';
import { keyOf } from './journal-files.ts';
import { MarketStats, sampleBatch } from './market-stats.ts';
import type { ExchangeBalance, MarketStatus, RecorderSetup } from './messages.ts';
import { RowStore } from './row-store.ts';
import { Session } from './session.ts';
import { Watch } from './watch.ts';

/** Journal bytes in memory, not yet durable, above which the disk is waited for. */
const UNSYNCED_BYTES_MAX = 128 * 1024 * 1024;

const HOUR_US = 3_600_000_000;

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
  readonly #store: RowStore;
  readonly #watch: Watch;
  readonly #ordinals = new Map<number, number>();
  readonly #markets = new Map<number, string>();
  readonly #stats = new Map<string, MarketStats>();
  readonly #frame = new Frame();
  /** The journal file begun last: `<date>/<name>`; null where none was. */
  lastFile: string | null = null;
  #journaled = 0;
  /** Whether a file's end is due for its size is asked once a chunk; for its hour, with every entry. */
  #mayRotate = true;
  #hourEnd = 0;
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
    this.#store = new RowStore(this.#rows, world, exchange.name, (batch, streams) =>
      sampleBatch(batch, streams, (market) => this.#statsOf(market)),
    );
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
      log: (message, fields) => world.log('warn', message, { exchange: exchange.name, ...fields }),
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
    this.#store.drop();
  }

  /** True where the next entry of this time belongs into a new file: `beginFile` must be awaited first. */
  needsFile(time: number): boolean {
    if (this.#journal.isOpen && !this.#mayRotate && time < this.#hourEnd) return false;
    this.#mayRotate = false;
    return this.#journal.shouldRotate(time);
  }

  /** Seals the present file, if any, and begins the next one with its state, opening line and opening books. */
  async beginFile(time: number): Promise<void> {
    this.#time = Math.max(this.#time, time);
    await this.#seal(this.#time);
    const state = Buffer.from(JSON.stringify(this.session.state()));
    const key = keyOf(await this.#journal.beginFile(this.#time, state));
    this.#hourEnd = (Math.floor(this.#time / HOUR_US) + 1) * HOUR_US;
    this.lastFile = `${key.date}/${key.name}`;
    await this.#store.open(key);
    const isFirst = !this.#ordinals.has(this.#runLink);
    // What the session still holds when a run begins was open when the last one was killed: it is open no more.
    const links = isFirst ? [] : this.session.openLinks();
    this.#own(this.#runLink, { event: 'file', format: TAPE_FORMAT, exchange: this.exchange.name, links });
    if (!isFirst) return;
    const { version, simulated } = this.#world.setup;
    this.#own(this.#runLink, { event: 'started', version, exchange: this.exchange.name, simulated });
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
    this.#mayRotate = true;
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
    if (this.#store.isFull) await this.flushStore();
  }

  /** Resolves when everything taken so far is on disk; for an end without a seal. */
  async durable(): Promise<void> {
    if (this.#journal.isOpen) await this.#journal.durable();
  }

  get overloaded(): boolean {
    return this.#journal.unsyncedBytes > UNSYNCED_BYTES_MAX || this.#store.isFull;
  }

  /** Makes the rows so far readable in `recent/`. */
  flushStore(): Promise<void> {
    return this.#store.flush();
  }

  async #seal(time: number): Promise<void> {
    if (!this.#journal.isOpen) return;
    const ordinal = (this.#ordinals.get(this.#runLink) ?? 0) + 1;
    this.#ordinals.set(this.#runLink, ordinal);
    const sealed = await this.#journal.seal({ time, link: this.#runLink, ordinal });
    if (sealed === null) this.#store.drop();
    else await this.#store.seal();
  }

  /** Seals the last file. The session's state is then that of the journal's end. */
  async stop(): Promise<void> {
    await this.#seal(this.#time);
  }

  /** How everything received was used. Call it after `stop` and after the finisher has settled. */
  balance(received: number): ExchangeBalance {
    return {
      exchange: this.exchange.name,
      received,
      journaled: this.#journaled,
      outcomes: this.session.counts,
      rows: this.#store.counts(),
      checksums: this.session.checksums,
      decoderErrors: this.session.decoderErrors,
      inexactNumbers: this.session.decimals.inexact,
      unfinished: this.#store.unfinished(),
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
