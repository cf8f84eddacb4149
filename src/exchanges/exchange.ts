import type {
  Channel,
  DecimalReader,
  Frame,
  GapCause,
  Json,
  RestAnswer,
  Rows,
  Stream,
  UndecodedReason,
} from '../record/index.ts';
import type { Drift, Shape } from '../shape/index.ts';
import type { Dialect, SimulatedMarket } from './simulation.ts';
import type { TradeMemory } from './trade-memory.ts';

/**
 * The contract of an exchange: data (markets, feeds, limits, heartbeats) and pure functions (what to ask, how to
 * read). An exchange has no sockets, timers or clock, so recorded frames test it completely.
 */
export interface Exchange {
  /** The word used in config, paths and rows: `binance`. */
  readonly name: string;
  /** How a person writes it: `Binance`. */
  readonly title: string;
  /** Other spellings in a config's `name`, lower case: `['binance.us']`. Market words are added to them. */
  readonly aliases: readonly string[];
  /** Raised whenever the same journal would give other rows; kept in decoder state files. */
  readonly decoderVersion: number;
  readonly markets: Readonly<Record<string, Market>>;

  /** Spreads streams over links within the market's limits, with everything each link has to send. */
  planLinks(request: PlanRequest): LinkPlan[];
  /**
   * The messages that ask for these streams on an open link, in order. `firstId` is the first request id to use,
   * for dialects that number requests; each message takes one.
   */
  subscribe(market: string, streams: readonly Stream[], firstId: number): SubscribeMessage[];
  /** Understands a message that a client sends: ours, a raw message of the config, or one of a capture. */
  readRequest(market: string, text: string): ClientRequest;
  /** Which market and streams an address means; null where the address is not this exchange's. */
  readUrl(url: URL): UrlMeaning | null;

  /** Tells control from data by a look at the bytes; cheap, pure, never throws. Null means data. */
  classify(frame: Frame, market: string): Control | null;
  /** The messages that become rows, as declared: for documentation, and to prove the readers made of them. */
  readonly shapes: readonly Shape[];
  /** Opens a reader for one link's frames; `state` is what `LinkDecoder.state()` gave earlier. */
  openDecoder(link: LinkContext, host: DecoderHost, state?: Json): LinkDecoder;

  /** The server side of the dialect, for `simulate`. */
  simulate(market: string, model: SimulatedMarket): Dialect;
}

/** One market of an exchange, as data. */
export interface Market {
  readonly name: string;
  /** Words that name this market behind the exchange's name, lower case: `['us']`; the first market without words given is the default. */
  readonly aliases: readonly string[];
  /** Scheme and host: `wss://stream.binance.com:9443`. */
  readonly websocket: string;
  /** `https://api.binance.com`. */
  readonly rest: string;
  /** By channel: the feed taken where none is named, the feeds that may be named, and how long it may be silent. */
  readonly channels: Readonly<Partial<Record<Channel, ChannelFeeds>>>;
  readonly limits: Limits;
  readonly heartbeat: Heartbeat;
  /** How the instruments are listed, for `*` in symbols. */
  readonly listing: Listing;
  /** A symbol that is surely there, for examples and the default config: `BTCUSDT`. */
  readonly example: string;
}

export interface ChannelFeeds {
  readonly defaultFeed: string;
  /** Feeds that may be asked for; a `*` stands for a number (`orderbook.*`). */
  readonly feeds: readonly string[];
  /** Longest time without a message on a healthy stream, ms; null where silence says nothing. */
  readonly silenceMs: number | null;
  /** Deadline for the first message after the ack, ms; null where a quiet market may send none. */
  readonly firstMessageMs: number | null;
}

export interface Limits {
  readonly streamsPerLink: number;
  /** Least time between two messages sent on a link, ms. */
  readonly sendIntervalMs: number;
  /** Least time between two dials to this market, ms. */
  readonly dialIntervalMs: number;
  /** Least time between two REST requests to this market, ms. */
  readonly restIntervalMs: number;
  /** Where the numbers come from; shown by `validate`. */
  readonly source: string;
}

export interface Heartbeat {
  /** Every this many ms the link sends `message`; null: the exchange pings, or protocol pings suffice. */
  readonly intervalMs: number | null;
  /** The n-th ping of a link (n counts from 1). */
  readonly message: ((n: number) => string) | null;
  /** A ping unanswered for this long, on tape time, closes the link, ms. */
  readonly answerMs: number;
  /** Not one byte for this long closes the link, judged by the ear, ms. */
  readonly idleMs: number;
}

export interface Listing {
  /** Path and query below the market's REST base. */
  readonly path: string;
  /** Symbols of a listing answer, those that trade. Throws an Error with a clear message on a body that is no listing. */
  read(body: string): string[];
}

export interface PlanRequest {
  readonly market: string;
  readonly streams: readonly Stream[];
  /** The config's own address; replaces the scheme and host, and the path too where it brings one of its own. */
  readonly uri?: string;
  readonly rest?: string;
  /** Raw messages of the config, sent as they stand, after the greeting and before the subscriptions. */
  readonly raw?: readonly RawMessage[];
}

export interface RawMessage {
  readonly text: string;
  /** What a labelled raw message says it is, where the message itself cannot be read. */
  readonly label?: Stream;
}

/** Everything one link has to dial and say. */
export interface LinkPlan {
  readonly exchange: string;
  readonly market: string;
  readonly url: string;
  /** REST base for this link's requests. */
  readonly rest: string;
  readonly streams: readonly Stream[];
  /** Sent first, in order (flags and the like). */
  readonly greeting: readonly string[];
  readonly subscribe: readonly SubscribeMessage[];
}

export interface SubscribeMessage {
  readonly text: string;
  readonly streams: readonly Stream[];
}

/** What a client's message asks for. `key` matches it with its answer; null: answers come in order. */
export type ClientRequest =
  | { readonly kind: 'subscribe'; readonly key: string | null; readonly streams: readonly Stream[] }
  | { readonly kind: 'unsubscribe'; readonly key: string | null; readonly streams: readonly Stream[] }
  | { readonly kind: 'ping' }
  | { readonly kind: 'other' };

export interface UrlMeaning {
  readonly market: string;
  /** Streams that the address itself asks for (Binance's combined streams). */
  readonly streams: readonly Stream[];
}

/** What a received message means for the link, as opposed to its data. */
export type Control =
  | { readonly kind: 'ack'; readonly key: string | null }
  | {
      readonly kind: 'refusal';
      readonly key: string | null;
      readonly reason: string;
      /** Only these symbols or topics of the request were refused (the rest must be asked again); absent: all of it. */
      readonly refused?: readonly string[];
      /** The same request may be sent again later (busy, too frequent). */
      readonly transient: boolean;
    }
  | { readonly kind: 'pong' }
  /** A note from the exchange; `act` is what it asks for. */
  | { readonly kind: 'notice'; readonly text: string; readonly act: 'none' | 'reconnect' }
  /** Anything else that is not data and asks for nothing. */
  | { readonly kind: 'other' };

export interface LinkContext {
  readonly link: number;
  readonly market: string;
  readonly url: string;
  /** What `LinkDecoder.routing()` gave at the start of a journal file: enough to read the link from there on. */
  readonly routing?: Json;
}

/** What became of a received frame: each is counted in exactly one of these (DESIGN guarantee 6). */
export type Outcome = 'rows' | 'control' | 'repeat' | 'held' | 'undecoded';

/** A rule of the exchange was broken: from here on the stream is doubtful. */
export interface Breach {
  readonly cause: GapCause;
  readonly detail: string;
  /** The last good number and the first one seen after the hole, where the exchange numbers. */
  readonly fromSequence?: number;
  readonly toSequence?: number;
}

/**
 * A wish of a decoder, carried out by the link: idempotent, limited in rate per stream, ignored on a dead link,
 * and ignored altogether in a replay.
 */
export type DecoderRequest =
  | { readonly kind: 'rest'; readonly stream: number; readonly path: string }
  | { readonly kind: 'send'; readonly stream: number; readonly texts: readonly string[] }
  | { readonly kind: 'reconnect'; readonly reason: string };

/** What a decoder sees of the world. Stream codes come from `stream`. */
export interface DecoderHost {
  readonly rows: Rows;
  readonly decimals: DecimalReader;
  /** What messages hold beyond their shapes. */
  readonly drift: Drift;
  /** Ids of trades already written, shared by all links of the exchange. */
  readonly trades: TradeMemory;
  /** The code of a stream of this link's market, for rows and for the calls below; keep it, do not ask per message. */
  stream(channel: Channel, feed: string, symbol: string): number;
  /** True where the plan of this link asks for the stream. */
  asked(stream: number): boolean;
  /** A message of this stream came: call it before reading the message's values, so that an exception is blamed on it. */
  heard(stream: number): void;
  /** The stream's book became valid (snapshot joined); ends its gap. */
  proven(stream: number): void;
  /** The stream's book or numbering broke: opens a gap (unless one is open). */
  broken(stream: number, breach: Breach): void;
  /** The same for every stream of the link, where the number is the link's. */
  brokenLink(breach: Breach): void;
  /** A checksum was compared; only counted for now. */
  checksum(stream: number, matched: boolean): void;
  /** The frame gave no rows: writes the `undecoded` row and returns 'undecoded', to be returned in turn. */
  undecoded(reason: UndecodedReason, channel?: Channel | null, symbol?: string | null): Outcome;
  request(request: DecoderRequest): void;
}

/**
 * Reads the frames of one link, in order, and keeps what must be kept between them (books, merged tickers, channel
 * ids). It may throw: the session ends that frame alone and calls `invalidate`.
 */
export interface LinkDecoder {
  /** A message that we sent. */
  sent(frame: Frame): void;
  /** A message that arrived, control included. */
  received(frame: Frame): Outcome;
  /** A REST answer that was asked for by this link. */
  rest(frame: Frame, answer: RestAnswer): Outcome;
  /**
   * A book must be distrusted until its next snapshot. A stream: its book, and a resync is requested (its frame
   * failed to decode). Null: every book of the link, without a request (the link closed).
   */
  invalidate(stream: number | null): void;
  /** Writes each valid book as a snapshot of origin `ours`: a new journal file begins with the frame just set. */
  openingSnapshots(): void;
  /** What routes frames to streams and came in earlier frames (channel ids, flags); null where the frames say it all. */
  routing(): Json;
  /** Everything needed to go on from here in another process, `routing` included. Books as text. */
  state(): Json;
}
