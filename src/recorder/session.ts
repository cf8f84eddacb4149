import {
  type Breach,
  type DecoderHost,
  type Exchange,
  type Outcome,
  TradeMemory,
} from '../exchanges/index.ts';
import {
  DecimalReader,
  type Frame,
  isObject,
  type Json,
  type OpenLink,
  parseJson,
  type Rows,
  readRestPayload,
  type Stream,
  type TapeEvent,
  type UndecodedReason,
} from '../record/index.ts';
import { Drift } from '../shape/index.ts';
import { GapTracker } from './gaps.ts';
import type { SavedState } from './saved-state.ts';
import type { OutcomeCounts, SessionHooks, SessionLink } from './session-parts.ts';

/** Longest sample of an undecoded frame kept in its row, characters; the whole of it is in the journal. */
const SAMPLE_LENGTH = 200;

/**
 * Reads the tape of one exchange, line by line, into rows: the one path for live recording, `decode`, `verify` and
 * rebuild. Its state changes only on lines, so the same lines give the same rows.
 *
 * Whatever a decoder throws ends that frame alone: its rows are taken back, an `undecoded` row with reason
 * `decoder-error` is written, and the stream it was reading is marked doubtful.
 */
export class Session {
  readonly exchange: Exchange;
  readonly rows: Rows;
  readonly decimals = new DecimalReader();
  /** What messages held beyond their declared shapes. */
  readonly drift = new Drift();
  readonly counts: OutcomeCounts = { rows: 0, control: 0, repeat: 0, held: 0, undecoded: 0 };
  readonly checksums = { matched: 0, failed: 0 };
  readonly gaps: GapTracker;
  /** Frames whose decoder threw; each is in `undecoded` with its message in the log. */
  decoderErrors = 0;
  lastError: Error | null = null;
  /** By stream code: when the stream was last heard, µs (0: never). */
  readonly heardAt: number[] = [];
  readonly #trades = new TradeMemory();
  readonly #links = new Map<number, SessionLink>();
  /** The link of the last message: most come in a row. */
  #last: SessionLink | null = null;
  readonly #hooks: SessionHooks;
  #frame: Frame | null = null;
  /** Its time; 0 before the first. */
  #time = 0;
  /** Damage before the first line: told at that line, since a gap is named after a frame. */
  #damage: string | null = null;
  #blamed: number | null = null;

  constructor(exchange: Exchange, rows: Rows, hooks: SessionHooks = {}) {
    this.exchange = exchange;
    this.rows = rows;
    this.gaps = new GapTracker(rows);
    this.#hooks = hooks;
  }

  /** Takes one line of the tape. Returns how a received frame was counted; null of any other line. */
  line(frame: Frame): Outcome | null {
    this.#frame = frame;
    this.#time = frame.time;
    this.rows.at(frame);
    if (this.#damage !== null) this.damaged(this.#damage);
    switch (frame.kind) {
      case 'received':
      case 'gzip': {
        const outcome = this.routeResponse(frame);
        if (outcome === 'rows') this.counts.rows++;
        else this.counts[outcome]++;
        return outcome;
      }
      case 'sent':
        this.#guarded(frame, (link) => {
          link.decoder.sent(frame);
          this.#learnStreams(link, frame);
        });
        return null;
      case 'rest':
        this.#guarded(frame, (link) => {
          const answer = readRestPayload(frame.text());
          if (answer !== null) link.decoder.rest(frame, answer);
        });
        return null;
      case 'event':
        this.#event(frame);
        return null;
    }
  }

  /**
   * Gives an incoming message to the handler of its exchange, which turns it into records. Never throws: what the
   * handler throws ends this frame alone.
   */
  routeResponse(frame: Frame): Outcome {
    const link = this.#last?.link === frame.link ? this.#last : this.#links.get(frame.link);
    if (link === undefined) return this.#undecoded(frame, '', 'no-context');
    this.#last = link;
    link.lastTime = frame.time;
    this.#blamed = null;
    this.#trades.mark();
    try {
      return link.decoder.received(frame);
    } catch (error) {
      return this.#failed(frame, link, error);
    }
  }

  /** Runs a decoder on a line that is not a received frame, with the same protection. */
  #guarded(frame: Frame, read: (link: SessionLink) => void): void {
    const link = this.#links.get(frame.link);
    if (link === undefined) return;
    this.#blamed = null;
    this.#trades.mark();
    try {
      read(link);
    } catch (error) {
      this.#failed(frame, link, error);
    }
  }

  #failed(frame: Frame, link: SessionLink, error: unknown): Outcome {
    this.rows.rollback();
    this.#trades.rollback();
    this.decoderErrors++;
    this.lastError = error instanceof Error ? error : new Error(String(error));
    const blamed = this.#blamed;
    const outcome = this.#undecoded(frame, link.market, 'decoder-error', blamed);
    if (blamed !== null) {
      link.decoder.invalidate(blamed);
      this.gaps.open(blamed, frame.time, { cause: 'decoder-error', detail: this.lastError.message });
    }
    return outcome;
  }

  #undecoded(frame: Frame, market: string, reason: UndecodedReason, stream: number | null = null): Outcome {
    const code = stream ?? this.rows.streams.code(market, null, null, null);
    this.rows.undecoded(code, reason, frame.text().slice(0, SAMPLE_LENGTH));
    return 'undecoded';
  }

  #event(frame: Frame): void {
    const parsed = parseJson(frame.text());
    if (!isObject(parsed) || typeof parsed.event !== 'string') return;
    const event = parsed as unknown as TapeEvent;
    switch (event.event) {
      case 'file':
        this.rows.restartSteps();
        this.#endUnnamed(frame, new Set(event.links.map(({ link }) => link)));
        for (const open of event.links) if (!this.#links.has(open.link)) this.#open(frame.time, open);
        for (const link of this.#links.values()) this.#guardedOpening(frame, link);
        break;
      case 'dialled':
        this.#open(frame.time, { ...event, link: frame.link, routing: null });
        break;
      case 'closed':
        this.#closed(frame, event);
        break;
      case 'refused':
        this.#mark(frame, event.streams, frame.time, { cause: 'refused', detail: event.reason });
        break;
      case 'silent':
        this.#mark(frame, event.streams, event.since, { cause: 'silent', detail: event.detail });
        break;
      case 'clock-step':
        for (const link of this.#links.values())
          for (const stream of link.streams)
            this.gaps.open(stream, frame.time, { cause: 'clock-step', detail: `offset ${event.offset} µs` });
        break;
      case 'started':
      case 'opened':
      case 'sealed':
      case 'late':
      case 'note':
        break;
    }
  }

  /** Links that a file's first line does not name ended with an earlier run, which never said so: it was killed. */
  #endUnnamed(frame: Frame, named: ReadonlySet<number>): void {
    for (const link of [...this.#links.values()])
      if (!named.has(link.link))
        this.#end(link, frame.time, 'not-running', 'the run that held this link ended without closing it');
  }

  #guardedOpening(frame: Frame, link: SessionLink): void {
    try {
      link.decoder.openingSnapshots();
    } catch (error) {
      this.#failed(frame, link, error);
    }
  }

  #mark(frame: Frame, streams: readonly Stream[], from: number, breach: Breach): void {
    const link = this.#links.get(frame.link);
    for (const stream of streams) {
      const code = this.rows.streams.codeOf(stream);
      link?.streams.add(code);
      this.gaps.open(code, from, breach);
    }
  }

  #open(time: number, open: OpenLink): void {
    const decoder = this.exchange.openDecoder(
      { link: open.link, market: open.market, url: open.url, routing: open.routing },
      this.#hostOf(open.link, open.market),
    );
    const streams = new Set(open.streams.map((stream) => this.rows.streams.codeOf(stream)));
    this.#last = null;
    this.#links.set(open.link, {
      link: open.link,
      market: open.market,
      url: open.url,
      decoder,
      streams,
      lastTime: time,
    });
  }

  #learnStreams(link: SessionLink, frame: Frame): void {
    const request = this.exchange.readRequest(link.market, frame.text());
    if (request.kind !== 'subscribe') return;
    for (const stream of request.streams) link.streams.add(this.rows.streams.codeOf(stream));
  }

  #closed(frame: Frame, event: Extract<TapeEvent, { event: 'closed' }>): void {
    const link = this.#links.get(frame.link);
    if (link === undefined) return;
    const cause = event.stopping ? 'not-running' : event.code === 1009 ? 'frame-too-large' : 'disconnect';
    this.#end(link, link.lastTime, cause, `closed by ${event.by}: ${event.code} ${event.reason}`.trim());
  }

  #end(link: SessionLink, from: number, cause: Breach['cause'], detail: string): void {
    this.#links.delete(link.link);
    this.#last = null;
    try {
      link.decoder.invalidate(null);
    } catch (error) {
      this.lastError = error instanceof Error ? error : new Error(String(error));
      this.decoderErrors++;
    }
    const edge = Math.max(link.lastTime, 0) || from;
    for (const stream of link.streams) {
      const elsewhere = [...this.#links.values()].some((other) => other.streams.has(stream));
      if (!elsewhere) this.gaps.open(stream, edge, { cause, detail });
    }
  }

  #hostOf(link: number, market: string): DecoderHost {
    const { rows, decimals, drift } = this;
    return {
      rows,
      decimals,
      drift,
      trades: this.#trades,
      stream: (channel, feed, symbol) => rows.streams.code(market, channel, feed, symbol),
      asked: (stream) => this.#links.get(link)?.streams.has(stream) ?? false,
      heard: (stream) => {
        this.#blamed = stream;
        this.heardAt[stream] = this.#time;
        if (this.gaps.count > 0 && rows.streams.entry(stream).channel !== 'book')
          this.gaps.close(stream, this.#time);
      },
      proven: (stream) => {
        if (this.gaps.count > 0) this.gaps.close(stream, this.#time);
      },
      broken: (stream, breach) => this.gaps.open(stream, this.#time, breach),
      brokenLink: (breach) => {
        for (const stream of this.#links.get(link)?.streams ?? []) this.gaps.open(stream, this.#time, breach);
      },
      checksum: (_stream, matched) => {
        this.checksums[matched ? 'matched' : 'failed']++;
      },
      undecoded: (reason, channel = null, symbol = null) => {
        const code = rows.streams.code(market, channel, null, symbol);
        rows.undecoded(code, reason, (this.#frame?.text() ?? '').slice(0, SAMPLE_LENGTH));
        return 'undecoded';
      },
      request: (request) => this.#hooks.request?.(link, this.#frame?.ordinal ?? 0, request),
    };
  }

  /** A frame at which two starts died: it stays in the journal, is counted, and is never decoded again. */
  skip(frame: Frame): void {
    this.#frame = frame;
    this.#time = frame.time;
    this.rows.at(frame);
    const link = this.#links.get(frame.link);
    this.#undecoded(frame, link?.market ?? '', 'decoder-error');
    if (frame.kind === 'received' || frame.kind === 'gzip') this.counts.undecoded++;
    if (link === undefined) return;
    link.decoder.invalidate(null);
    const detail = 'skipped: two starts died at this frame';
    for (const stream of link.streams)
      this.gaps.open(stream, link.lastTime, { cause: 'decoder-error', detail });
  }

  /**
   * A stretch of the journal cannot be read: every open link's streams are doubtful from the last good frame on. It
   * is named after that frame, behind the rows that it gave; where there is none yet, after the next.
   */
  damaged(detail: string): void {
    this.#damage = this.#frame === null ? detail : null;
    if (this.#frame === null) return;
    for (const link of this.#links.values()) {
      link.decoder.invalidate(null);
      for (const stream of link.streams) this.gaps.open(stream, link.lastTime, { cause: 'damaged', detail });
    }
  }

  /** The links that are open now, as a journal file's first line names them. */
  openLinks(): OpenLink[] {
    return [...this.#links.values()].map((link) => ({
      link: link.link,
      market: link.market,
      url: link.url,
      streams: this.#streamsOf(link.streams),
      routing: link.decoder.routing(),
    }));
  }

  #streamsOf(codes: Iterable<number>): Stream[] {
    return [...codes].map((code) => this.rows.streams.entry(code) as Stream);
  }

  /** Everything needed to go on from the present line in another process; `restore` takes it back. */
  state(): Json {
    const entries = this.rows.streams.entries;
    return {
      decoderVersion: this.exchange.decoderVersion,
      streams: entries.map(({ market, channel, feed, symbol }) => [market, channel, feed, symbol]),
      gaps: this.gaps.state(),
      steps: this.rows.steps(),
      trades: this.#trades.state(String),
      links: [...this.#links.values()].map((link) => ({
        link: link.link,
        market: link.market,
        url: link.url,
        streams: [...link.streams],
        lastTime: link.lastTime,
        decoder: link.decoder.state(),
      })),
    };
  }

  /**
   * Takes back what `state` gave, into a session that has read nothing yet. False where the state is of another
   * decoder version: the session then starts empty, and books wait for their next snapshot.
   */
  restore(state: Json): boolean {
    const from = state as unknown as SavedState;
    if (from.decoderVersion !== this.exchange.decoderVersion) return false;
    const codes = from.streams.map(([market, channel, feed, symbol]) =>
      this.rows.streams.code(market, channel, feed, symbol),
    );
    const codeOf = (old: number): number => codes[old] ?? 0;
    this.gaps.restore(from.gaps.map(([stream, gap]) => [codeOf(stream), gap]));
    for (const [stream, step] of from.steps) this.rows.resumeSteps(codeOf(stream), step);
    for (const [stream, ids] of Object.entries(from.trades))
      this.#trades.restore(codeOf(Number(stream)), ids);
    for (const saved of from.links) {
      const { link, market, url } = saved;
      const streams = new Set(saved.streams.map(codeOf));
      const decoder = this.exchange.openDecoder(
        { link, market, url },
        this.#hostOf(link, market),
        saved.decoder,
      );
      this.#links.set(link, { link, market, url, decoder, streams, lastTime: saved.lastTime });
    }
    return true;
  }
}
