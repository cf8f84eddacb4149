import type { Control, DecoderRequest, Exchange, Market } from '../exchanges/index.ts';
import type { Frame, Stream, StreamDictionary, TapeEvent } from '../record/index.ts';

/** An unanswered request is reported after this long: Bitfinex was seen to take 13 s (protocols/bitfinex.md 5). */
const ANSWER_US = 30_000_000;
/** How often deadlines are looked at, on tape time. */
const CHECK_US = 500_000;
/** Request ids of the watch start here, far above those of a plan. */
const FIRST_ID = 1_000_000;
/**
 * Time that comes in a step larger than this did not pass on the line: the ear did not read, the machine stood still,
 * or its clock was set. Deadlines move along.
 */
const STANDSTILL_US = 2_000_000;
/** A stream that stays silent is judged after a wait that doubles with each silence, this many times at most. */
const DOUBLINGS_MAX = 6;
/** Longest part of a request that a line of the tape repeats, characters: the request has a line of its own. */
const TEXT_LENGTH = 200;

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
  /** Heard on this link: from then on the deadline of a speaking stream holds. */
  spoke: boolean;
  refused: boolean;
  silent: boolean;
}

interface WatchedLink {
  readonly link: number;
  readonly market: Market;
  asked: Asked[];
  readonly dialledAt: number;
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
  /** By stream: how often it was found silent, on any link, since it was last heard. */
  readonly #silences = new Map<number, number>();
  #checkedAt = 0;
  #upTo = 0;
  #failures = 0;

  constructor(exchange: Exchange, host: WatchHost) {
    this.#exchange = exchange;
    this.#host = host;
  }

  dialled(link: number, marketName: string, streams: readonly Stream[], time: number): void {
    const market = this.#exchange.markets[marketName];
    if (market === undefined) return;
    const watched: WatchedLink = {
      link,
      market,
      asked: [],
      dialledAt: time,
      streams: new Map(),
      pingAt: 0,
      nextId: FIRST_ID,
    };
    this.#links.set(link, watched);
    for (const stream of streams) this.#expect(watched, stream, time);
  }

  closed(link: number): void {
    this.#links.delete(link);
  }

  /** Streams that were asked for on this market's open links, and those heard from on them. */
  counts(marketName: string): { asked: number; up: number } {
    let asked = 0;
    let up = 0;
    for (const { market, streams, dialledAt } of this.#links.values()) {
      if (market.name !== marketName) continue;
      asked += streams.size;
      for (const stream of streams.values())
        if (!stream.refused && !stream.silent && this.#host.heardAt(stream.code) >= dialledAt) up++;
    }
    return { asked, up };
  }

  #expect(link: WatchedLink, stream: Stream, time: number): WatchedStream {
    const code = this.#host.streams.codeOf(stream);
    const known = link.streams.get(code);
    if (known !== undefined) return known;
    const watched = { stream, code, since: time, spoke: false, refused: false, silent: false };
    link.streams.set(code, watched);
    return watched;
  }

  /** A message of ours went out. */
  sent(frame: Frame): void {
    const link = this.#links.get(frame.link);
    if (link !== undefined) this.#guarded(() => this.#sent(link, frame));
  }

  #sent(link: WatchedLink, frame: Frame): void {
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

  /** A message came in that may be control: most are data and end at the first look. */
  received(frame: Frame): void {
    const link = this.#links.get(frame.link);
    if (link === undefined) return;
    try {
      const control = this.#exchange.classify(frame, link.market.name);
      if (control !== null) this.#control(link, control, frame);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** What an exchange's code throws here ends this frame's control alone; the first of it is said. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #failed(error: Error): void {
    if (this.#failures++ === 0) this.#host.log('an answer could not be understood', { error: error.stack });
  }

  #control(link: WatchedLink, control: Control, frame: Frame): void {
    switch (control.kind) {
      case 'pong':
        link.pingAt = 0;
        break;
      case 'ack':
        for (const stream of this.#answered(link, control.key)?.streams ?? []) {
          const watched = this.#expect(link, stream, frame.time);
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
    const meant = named === undefined ? [] : asked.streams.filter((stream) => isNamed(stream, named));
    // Names that fit none of the streams say nothing about the others: the whole request was refused.
    const refused = meant.length > 0 ? meant : asked.streams;
    const rest = asked.streams.filter((stream) => !refused.includes(stream));
    for (const stream of refused) this.#expect(link, stream, frame.time).refused = true;
    this.#host.event(link.link, { event: 'refused', streams: refused, reason: control.reason });
    if (rest.length > 0) this.#askAgain(link, rest);
  }

  #askAgain(link: WatchedLink, streams: readonly Stream[]): void {
    const messages = this.#exchange.subscribe(link.market.name, streams, link.nextId);
    link.nextId += messages.length;
    const code = this.#host.streams.codeOf(streams[0] as Stream);
    this.#host.request(link.link, { kind: 'send', stream: code, texts: messages.map(({ text }) => text) });
  }

  /**
   * Everything up to `time` is on the tape, and decoded up to `decoded`: answers to pings are judged by the one, what
   * only decoding can tell (was the stream heard?) by the other, so that our own lag makes no stream silent.
   */
  upTo(time: number, decoded = time): void {
    const step = time - this.#upTo;
    if (this.#upTo > 0 && step > STANDSTILL_US) this.#postpone(step);
    this.#upTo = Math.max(this.#upTo, time);
    if (time - this.#checkedAt < CHECK_US) return;
    this.#checkedAt = time;
    for (const link of [...this.#links.values()]) this.#guarded(() => this.#check(link, time, decoded));
  }

  /** Moves every deadline by `us`. */
  #postpone(us: number): void {
    for (const link of this.#links.values()) {
      if (link.pingAt > 0) link.pingAt += us;
      link.asked = link.asked.map((asked) => ({ ...asked, at: asked.at + us }));
      for (const stream of link.streams.values()) stream.since += us;
    }
  }

  #check(link: WatchedLink, time: number, decoded: number): void {
    const { heartbeat } = link.market;
    if (link.pingAt > 0 && time - link.pingAt > heartbeat.answerMs * 1000) {
      link.pingAt = 0;
      this.#host.request(link.link, {
        kind: 'reconnect',
        reason: `no answer to a ping for ${heartbeat.answerMs} ms`,
      });
      return;
    }
    this.#checkAnswers(link, decoded);
    const silent = [...link.streams.values()].filter((stream) => this.#isSilent(link, stream, decoded));
    if (silent.length > 0) this.#silent(link, silent, decoded);
  }

  /**
   * Streams that must speak and did not: a line of the tape, then they are asked for again. Where that did not help,
   * every second silence closes the link: a repeated request may be taken for a double (protocols/bitfinex.md 5,
   * 10301), and a fresh link asks for everything. Waits double, so that one dead symbol disturbs the others seldom.
   */
  #silent(link: WatchedLink, silent: readonly WatchedStream[], time: number): void {
    const since = Math.min(...silent.map((stream) => stream.since));
    const streams = silent.map(({ stream }) => stream);
    let isRepeated = false;
    for (const stream of silent) {
      const times = (this.#silences.get(stream.code) ?? 0) + 1;
      this.#silences.set(stream.code, times);
      if (times % 2 === 0) isRepeated = true;
      stream.silent = true;
      stream.since = time;
    }
    this.#host.event(link.link, {
      event: 'silent',
      streams,
      since,
      detail: 'no message within the deadline',
    });
    if (isRepeated)
      this.#host.request(link.link, { kind: 'reconnect', reason: 'streams stay silent though asked again' });
    else this.#askAgain(link, streams);
  }

  /** What was asked and not answered is asked again; streams of it that were heard need no answer. */
  #checkAnswers(link: WatchedLink, time: number): void {
    for (let asked = link.asked[0]; asked !== undefined; asked = link.asked[0]) {
      if (time - asked.at < ANSWER_US) return;
      link.asked.shift();
      const { text, at } = asked;
      const lacking = asked.streams.filter(
        (stream) => this.#host.heardAt(this.#host.streams.codeOf(stream)) < at,
      );
      if (asked.streams.length === 0 || lacking.length < asked.streams.length) continue;
      this.#host.event(link.link, {
        event: 'silent',
        streams: lacking,
        since: at,
        detail: `no answer within ${ANSWER_US / 1e6} s to ${text.slice(0, TEXT_LENGTH)}`,
      });
      for (const stream of lacking) this.#expect(link, stream, at).silent = true;
      const code = this.#host.streams.codeOf(lacking[0] as Stream);
      this.#host.request(link.link, { kind: 'send', stream: code, texts: [text] });
    }
  }

  /** Whether a stream that must speak did not; one that spoke again is silent no more. */
  #isSilent(link: WatchedLink, stream: WatchedStream, time: number): boolean {
    if (stream.refused) return false;
    const heardAt = this.#host.heardAt(stream.code);
    const feeds = link.market.channels[stream.stream.channel];
    const isHeard = heardAt >= stream.since && heardAt >= link.dialledAt;
    if (isHeard) {
      stream.since = heardAt;
      stream.spoke = true;
      stream.silent = false;
      this.#silences.delete(stream.code);
    }
    if (feeds === undefined) return false;
    const limitMs = stream.spoke ? feeds.silenceMs : feeds.firstMessageMs;
    if (limitMs === null) return false;
    const doublings = Math.min(this.#silences.get(stream.code) ?? 0, DOUBLINGS_MAX);
    return time - stream.since > limitMs * 1000 * 2 ** doublings;
  }
}

/** Whether a refusal that names symbols or topics means this stream. */
function isNamed(stream: Stream, named: readonly string[]): boolean {
  return named.some((text) => text === stream.symbol || text === `${stream.feed}.${stream.symbol}`);
}
