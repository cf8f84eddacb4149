import type { DecoderRequest, Exchange } from '../exchanges/index.ts';
import type { Disk } from '../host/index.ts';
import { asidePacker, type JournalFault, JournalWriter } from '../journal/index.ts';
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
import type { StoreEngine } from '../store/index.ts';
import type { ChunkReader } from './chunk.ts';
import { DecodeStage } from './decode-stage.ts';
import type { Finisher } from './finisher.ts';
import { inflate } from './inflate.ts';
import { keyOf } from './journal-files.ts';
import { MarketStats, sampleBatch } from './market-stats.ts';
import type { ExchangeBalance, MarketStatus, RecorderSetup } from './messages.ts';
import { pause, turn } from './turn.ts';
import { Watch } from './watch.ts';

/** Journal bytes in memory, not yet durable, above which the disk is waited for. */
const UNSYNCED_BYTES_MAX = 128 * 1024 * 1024;

const HOUR_US = 3_600_000_000;

/** What an exchange's recorder shares with the others. */
export interface RecorderWorld {
  readonly setup: RecorderSetup;
  readonly disk: Disk;
  readonly engine: StoreEngine;
  readonly finisher: Finisher;
  request(link: number, request: DecoderRequest): void;
  log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** What is kept of a link whose lines are journaled. */
interface LinkState {
  readonly link: number;
  /** Ordinal of its last line. */
  ordinal: number;
  /** Empty until it is dialled, and of the run's own link. */
  market: string;
  stats: MarketStats;
}

/**
 * Records one exchange, in two stages: every entry goes to the journal and to the watch at once, and from there into
 * rows, at once or, under overload, later (`DecodeStage`). Journal files are sealed by the hour and by size; each
 * sealed file becomes one store file per table.
 */
export class ExchangeRecorder {
  readonly exchange: Exchange;
  readonly decoding: DecodeStage;
  readonly #world: RecorderWorld;
  readonly #journal: JournalWriter;
  readonly #rows: Rows;
  readonly #watch: Watch;
  readonly #runLink: LinkState;
  readonly #links = new Map<number, LinkState>();
  /** The link of the last entry: most come in a row. */
  #link: LinkState;
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
    this.#runLink = this.#linkOf(world.setup.runLinks[exchange.name] ?? 0);
    this.#link = this.#runLink;
    this.#rows = new Rows(() => undefined);
    this.#journal = new JournalWriter({
      disk: world.disk,
      directory: journalDirectory,
      exchange: exchange.name,
      syncMs: world.setup.syncMs,
      fileBytesMax: world.setup.fileBytesMax,
      packer: asidePacker(),
      onFault: (fault) => this.#diskFault(fault),
      onDurable: (block) => this.decoding.durable(block),
    });
    this.decoding = new DecodeStage({
      exchange,
      rows: this.#rows,
      world,
      journal: this.#journal,
      hooks: { request: (link, _frame, request) => world.request(link, request) },
      look: (batch, streams) => sampleBatch(batch, streams, (market) => this.#statsOf(market)),
    });
    if (state !== null && !this.decoding.session.restore(state))
      world.log('warn', 'decoder state of another version was left aside', { exchange: exchange.name });
    this.#watch = new Watch(exchange, {
      streams: this.#rows.streams,
      heardAt: (stream) => this.decoding.session.heardAt[stream] ?? 0,
      event: (link, event) => this.#own(this.#linkOf(link), event),
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
    this.decoding.store.drop();
    this.decoding.diskFault();
  }

  /** True where the next entry of this time belongs into a new file: `beginFile` must be awaited first. */
  needsFile(time: number): boolean {
    if (this.#journal.isOpen && !this.#mayRotate && time < this.#hourEnd) return false;
    // The next file begins with the decoder's state there.
    if (this.decoding.isBehind) return false;
    this.#mayRotate = false;
    return this.#journal.shouldRotate(time);
  }

  /** Seals the present file, if any, and begins the next one with its state, opening line and opening books. */
  async beginFile(time: number): Promise<void> {
    this.#time = Math.max(this.#time, time);
    await this.#seal(this.#time);
    const { session, store } = this.decoding;
    const state = Buffer.from(JSON.stringify(session.state()));
    const key = keyOf(await this.#journal.beginFile(this.#time, state));
    this.#hourEnd = (Math.floor(this.#time / HOUR_US) + 1) * HOUR_US;
    this.lastFile = `${key.date}/${key.name}`;
    await store.open(key);
    const isFirst = this.#runLink.ordinal === 0;
    // What the session still holds when a run begins was open when the last one was killed: it is open no more.
    const links = isFirst ? [] : session.openLinks();
    this.#own(this.#runLink, { event: 'file', format: TAPE_FORMAT, exchange: this.exchange.name, links });
    if (!isFirst) return;
    const { version, simulated } = this.#world.setup;
    this.#own(this.#runLink, { event: 'started', version, exchange: this.exchange.name, simulated });
  }

  /** Takes one entry of the ear; its memory is needed until `upTo`. `needsFile` must be false. */
  entry({ time, link, kind, bytes, start, end, room }: ChunkReader): void {
    this.#time = time;
    if (this.#link.link !== link) this.#link = this.#linkOf(link);
    const state = this.#link;
    switch (kind) {
      case 'text':
        this.#received(state, 'received', bytes, start, end, room);
        break;
      case 'binary': {
        const text = inflate(bytes.subarray(start, end), this.#world.setup.frameBytesMax);
        if (text === null) this.#received(state, 'received', bytes, start, end, room);
        else this.#received(state, 'gzip', text, 0, text.length, 0);
        break;
      }
      case 'sent': {
        const frame = this.#journalled(state, 'sent', bytes, start, end, room);
        this.decoding.line(frame);
        this.#watch.sent(frame);
        break;
      }
      case 'rest':
        this.decoding.line(this.#journalled(state, 'rest', bytes, start, end, room));
        break;
      case 'event':
        this.#event(state, bytes, start, end, room);
        break;
    }
  }

  #linkOf(link: number): LinkState {
    let state = this.#links.get(link);
    if (state === undefined) {
      state = { link, ordinal: 0, market: '', stats: this.#statsOf('') };
      this.#links.set(link, state);
    }
    return state;
  }

  #received(
    link: LinkState,
    kind: 'received' | 'gzip',
    bytes: Buffer,
    start: number,
    end: number,
    room: number,
  ): void {
    const frame = this.#journalled(link, kind, bytes, start, end, room);
    this.#journaled++;
    link.stats.frames++;
    link.stats.bytes += end - start;
    const outcome = this.decoding.line(frame);
    // What gave rows, is a repeat or is held was data: no second look at it.
    if (outcome === 'rows' || outcome === 'repeat' || outcome === 'held') return;
    this.#watch.received(frame);
  }

  #event(state: LinkState, bytes: Buffer, start: number, end: number, room: number): void {
    const { link } = state;
    const frame = this.#journalled(state, 'event', bytes, start, end, room);
    const event = parseJson(frame.text());
    if (isObject(event) && event.event === 'dialled') {
      state.market = String(event.market);
      state.stats = this.#statsOf(state.market);
      this.#watch.dialled(link, state.market, event.streams as Stream[], this.#time);
    } else if (isObject(event) && event.event === 'closed') this.#watch.closed(link);
    this.decoding.line(frame);
    if (isObject(event) && event.event === 'closed') this.#links.delete(link);
  }

  /**
   * Gives the entry of the present time its ordinal and writes it to the journal, in place where there is room; the frame
   * is valid until the next one.
   */
  #journalled(
    state: LinkState,
    kind: Frame['kind'],
    bytes: Buffer,
    start: number,
    end: number,
    room: number,
  ): Frame {
    const { link } = state;
    const time = this.#time;
    const ordinal = ++state.ordinal;
    if (room > 0) this.#journal.appendInPlace(time, link, ordinal, kind, bytes, start, end, room);
    else this.#journal.append(time, link, ordinal, kind, bytes, start, end);
    return this.#frame.set(time, link, ordinal, kind, bytes, start, end);
  }

  /** A line of our own making, at the tape's present time. */
  #own(state: LinkState, event: TapeEvent): void {
    const bytes = Buffer.from(JSON.stringify(event));
    const ordinal = ++state.ordinal;
    const frame = new Frame().set(this.#time, state.link, ordinal, 'event', bytes);
    this.#journal.append(this.#time, state.link, ordinal, 'event', bytes, 0, bytes.length);
    this.decoding.line(frame);
  }

  /**
   * Everything up to `time` is in: deadlines are judged, blocks that are due are written. The memory of the entries is
   * free again.
   */
  upTo(time: number): void {
    this.#journal.release();
    this.#time = Math.max(this.#time, time);
    this.#mayRotate = true;
    if (this.#journal.isOpen) this.#watch.upTo(time, this.decoding.heardUpTo(time));
    this.tick();
  }

  /** Writes the block whose time has come. */
  tick(): void {
    this.#journal.tick(performance.now());
  }

  /** Waits where a queue behind the journal has reached its bound; for what is not decoded, until a stop is asked for. */
  async relieve(isStopping: () => boolean): Promise<void> {
    if (this.#journal.unsyncedBytes > UNSYNCED_BYTES_MAX) await this.#journal.durable();
    if (this.decoding.store.isFull) await this.decoding.store.relieve();
    await this.decoding.relieve(isStopping);
  }

  /** Resolves when everything taken so far is on disk; for an end without a seal. */
  async durable(): Promise<void> {
    if (this.#journal.isOpen) await this.#journal.durable();
  }

  get overloaded(): boolean {
    return (
      this.#journal.unsyncedBytes > UNSYNCED_BYTES_MAX || this.decoding.store.isFull || this.decoding.isFull
    );
  }

  /** Makes the rows so far readable in `recent/`. */
  flushStore(): Promise<void> {
    return this.decoding.store.flush();
  }

  async #seal(time: number): Promise<void> {
    if (!this.#journal.isOpen) return;
    const ordinal = ++this.#runLink.ordinal;
    const sealed = await this.#journal.seal({ time, link: this.#runLink.link, ordinal });
    if (sealed === null) this.decoding.store.drop();
    else await this.decoding.store.seal();
  }

  /**
   * Seals the last file, once all of it is decoded; what is not by `untilMs` (of performance.now) is left to the next
   * start. The session's state is then that of the journal's end, unless some is left.
   */
  async stop(untilMs: number): Promise<void> {
    // A disk that fails leaves nothing to read back: it is waited for as far as time allows.
    while (this.decoding.isBehind && performance.now() < untilMs)
      if (await this.decoding.catchUp()) await turn();
      else await pause();
    if (this.decoding.isBehind) this.decoding.store.drop();
    await this.#seal(this.#time);
  }

  /** How everything received was used. Call it after `stop` and after the finisher has settled. */
  balance(received: number): ExchangeBalance {
    const { session, store } = this.decoding;
    return {
      exchange: this.exchange.name,
      received,
      journaled: this.#journaled,
      outcomes: session.counts,
      behind: this.decoding.framesBehind,
      rows: store.counts(),
      checksums: session.checksums,
      decoderErrors: session.decoderErrors,
      inexactNumbers: session.decimals.inexact,
      drift: Object.fromEntries(session.drift.counts),
      unfinished: store.unfinished(),
    };
  }

  #openMarkets(): Set<string> {
    return new Set([...this.#links.values()].map(({ market }) => market).filter((market) => market !== ''));
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
    for (const stream of this.decoding.session.gaps.streams()) {
      const { market } = this.#rows.streams.entry(stream);
      openGaps.set(market, (openGaps.get(market) ?? 0) + 1);
    }
    return [...this.#openMarkets()].sort().map((market) => {
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
        behindMs: this.decoding.isBehind ? Math.max(0, this.#time - this.decoding.time) / 1000 : 0,
        gapsOpen: openGaps.get(market) ?? 0,
        gaps: stats.gaps,
        lastTrade: stats.lastTrade,
        lagMsP50: stats.lagMs(50),
        lagMsP99: stats.lagMs(99),
      };
    });
  }
}
