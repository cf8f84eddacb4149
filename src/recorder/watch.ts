import type { Control, DecoderRequest, Exchange, Market } from '../exchanges/index.ts';
import type { Frame, Stream, StreamDictionary, TapeEvent } from '../record/index.ts';

/** An unanswered request is reported after this long: Bitfinex was seen to take 13 s (protocols/bitfinex.md 5). */
const ANSWER_US = 30_000_000;
/** How often deadlines are looked at, on tape time. */
const CHECK_US = 500_000;
/** Request ids of the watch start here, far above those of a plan. */
const FIRST_ID = 1_000_000;

interface Asked {
  readonly key: string | null;
  readonly text: string;
  readonly streams: readonly Stream[];
  readonly at: number;
}

interface WatchedStream {
  readonly stream: Stream;
  readonly code: number;
  /** When the wait for its next message began: asked, answered, or last heard. */
  since: number;
  acked: boolean;
  refused: boolean;
  silent: boolean;
}

interface WatchedLink {
  readonly link: number;
  readonly market: Market;
  readonly asked: Asked[];
  readonly streams: Map<number, WatchedStream>;
  pingAt: number;
  nextId: number;
}

/** What the watch causes: lines of the tape and wishes to the link. */
export interface WatchHost {
  readonly streams: StreamDictionary;
  heardAt(stream: number): number;
  event(link: number, event: TapeEvent): void;
  request(link: number, request: DecoderRequest): void;
  log(message: string, fields: Readonly<Record<string, unknown>>): void;
}

/**
 * Understands what is not data: matches answers with requests, reports refusals by stream, and judges deadlines by
 * the tape's own time, so that our lag never cuts a healthy link. What it finds becomes a line of the tape first.
 */
export class Watch {
  readonly #exchange: Exchange;
  readonly #host: WatchHost;
  readonly #links = new Map<number, WatchedLink>();
  #checkedAt = 0;

  constructor(exchange: Exchange, host: WatchHost) {
    this.#exchange = exchange;
    this.#host = host;
  }

  dialled(link: number, marketName: string, streams: readonly Stream[], time: number): void {
    const market = this.#exchange.markets[marketName];
    if (market === undefined) return;
    const watched: WatchedLink = { link, market, asked: [], streams: new Map(), pingAt: 0, nextId: FIRST_ID };
    this.#links.set(link, watched);
    for (const stream of streams) this.#expect(watched, stream, time);
  }

  closed(link: number): void {
    this.#links.delete(link);
  }

  /** Streams that were asked for on this market, and those heard from or answered. */
  counts(marketName: string): { asked: number; up: number } {
    let asked = 0;
    let up = 0;
    for (const { market, streams } of this.#links.values()) {
      if (market.name !== marketName) continue;
      asked += streams.size;
      for (const stream of streams.values())
        if (!stream.refused && !stream.silent && this.#host.heardAt(stream.code) > 0) up++;
    }
    return { asked, up };
  }

  #expect(link: WatchedLink, stream: Stream, time: number): WatchedStream {
    const code = this.#host.streams.codeOf(stream);
    const known = link.streams.get(code);
    if (known !== undefined) return known;
    const watched = { stream, code, since: time, acked: false, refused: false, silent: false };
    link.streams.set(code, watched);
    return watched;
  }

  /** A message of ours went out. */
  sent(frame: Frame): void {
    const link = this.#links.get(frame.link);
    if (link === undefined) return;
    const text = frame.text();
    const request = this.#exchange.readRequest(link.market.name, text);
    if (request.kind === 'ping') {
      if (link.pingAt === 0) link.pingAt = frame.time;
    } else if (request.kind === 'subscribe') {
      link.asked.push({ key: request.key, text, streams: request.streams, at: frame.time });
      for (const stream of request.streams) this.#expect(link, stream, frame.time);
    } else if (request.kind === 'unsubscribe') {
      link.asked.push({ key: request.key, text, streams: [], at: frame.time });
    }
  }

  /** A message came in: most are data and end at the first look. */
  received(frame: Frame): void {
    const link = this.#links.get(frame.link);
    if (link === undefined) return;
    const control = this.#exchange.classify(frame, link.market.name);
    if (control !== null) this.#control(link, control, frame);
  }

  #control(link: WatchedLink, control: Control, frame: Frame): void {
    switch (control.kind) {
      case 'pong':
        link.pingAt = 0;
        break;
      case 'ack':
        for (const stream of this.#answered(link, control.key)?.streams ?? []) {
          const watched = this.#expect(link, stream, frame.time);
          watched.acked = true;
          watched.since = frame.time;
        }
        break;
      case 'refusal':
        this.#refused(link, control, frame);
        break;
      case 'notice':
        this.#host.log('notice', { link: link.link, text: control.text });
        if (control.act === 'reconnect')
          this.#host.request(link.link, {
            kind: 'reconnect',
            reason: `the exchange asked for it: ${control.text}`,
          });
        break;
      case 'other':
        break;
    }
  }

  /** Takes the request out that this answer belongs to: by key, else the oldest. */
  #answered(link: WatchedLink, key: string | null): Asked | undefined {
    const index = key === null ? 0 : link.asked.findIndex((asked) => asked.key === key);
    return index < 0 ? undefined : link.asked.splice(index, 1)[0];
  }

  #refused(link: WatchedLink, control: Extract<Control, { kind: 'refusal' }>, frame: Frame): void {
    const asked = this.#answered(link, control.key);
    this.#host.log('refused', { link: link.link, reason: control.reason, request: asked?.text });
    if (asked === undefined || asked.streams.length === 0) return;
    const first = link.streams.get(this.#host.streams.codeOf(asked.streams[0] as Stream));
    if (control.transient) {
      this.#host.request(link.link, { kind: 'send', stream: first?.code ?? 0, texts: [asked.text] });
      return;
    }
    const named = control.refused;
    const refused =
      named === undefined ? asked.streams : asked.streams.filter((stream) => isNamed(stream, named));
    const rest = asked.streams.filter((stream) => !refused.includes(stream));
    if (refused.length > 0) {
      for (const stream of refused) this.#expect(link, stream, frame.time).refused = true;
      this.#host.event(link.link, { event: 'refused', streams: refused, reason: control.reason });
    }
    if (rest.length > 0 && refused.length > 0) this.#askAgain(link, rest);
  }

  #askAgain(link: WatchedLink, streams: readonly Stream[]): void {
    const messages = this.#exchange.subscribe(link.market.name, streams, link.nextId);
    link.nextId += messages.length;
    const code = this.#host.streams.codeOf(streams[0] as Stream);
    this.#host.request(link.link, { kind: 'send', stream: code, texts: messages.map(({ text }) => text) });
  }

  /** Everything up to `time` is on the tape: judges all deadlines by it. */
  upTo(time: number): void {
    if (time - this.#checkedAt < CHECK_US) return;
    this.#checkedAt = time;
    for (const link of [...this.#links.values()]) this.#check(link, time);
  }

  #check(link: WatchedLink, time: number): void {
    const { heartbeat } = link.market;
    if (link.pingAt > 0 && time - link.pingAt > heartbeat.answerMs * 1000) {
      link.pingAt = 0;
      this.#host.request(link.link, {
        kind: 'reconnect',
        reason: `no answer to a ping for ${heartbeat.answerMs} ms`,
      });
      return;
    }
    this.#checkAnswers(link, time);
    const silent: WatchedStream[] = [];
    for (const stream of link.streams.values()) if (this.#isSilent(link, stream, time)) silent.push(stream);
    if (silent.length === 0) return;
    const since = Math.min(...silent.map((stream) => stream.since));
    const streams = silent.map(({ stream }) => stream);
    for (const stream of silent) stream.silent = true;
    this.#host.event(link.link, {
      event: 'silent',
      streams,
      since,
      detail: 'no message within the deadline',
    });
    this.#askAgain(link, streams);
  }

  #checkAnswers(link: WatchedLink, time: number): void {
    while (link.asked.length > 0) {
      const asked = link.asked[0] as Asked;
      if (time - asked.at < ANSWER_US) return;
      link.asked.shift();
      const heard = asked.streams.some(
        (stream) => this.#host.heardAt(this.#host.streams.codeOf(stream)) >= asked.at,
      );
      if (!heard)
        this.#host.event(link.link, { event: 'note', text: `no answer within 30 s to ${asked.text}` });
    }
  }

  /** A stream that must speak and did not; one that spoke again is no longer silent. */
  #isSilent(link: WatchedLink, stream: WatchedStream, time: number): boolean {
    if (stream.refused) return false;
    const heardAt = this.#host.heardAt(stream.code);
    const feeds = link.market.channels[stream.stream.channel];
    const heardHere = heardAt >= stream.since && heardAt > 0;
    if (heardHere) {
      stream.since = heardAt;
      stream.acked = true;
      stream.silent = false;
    }
    if (stream.silent || feeds === undefined) return false;
    const limitMs = heardHere ? feeds.silenceMs : feeds.firstMessageMs;
    return limitMs !== null && time - stream.since > limitMs * 1000;
  }
}

/** Whether a refusal that names symbols or topics means this stream. */
function isNamed(stream: Stream, named: readonly string[]): boolean {
  return named.some((text) => text === stream.symbol || text === `${stream.feed}.${stream.symbol}`);
}
