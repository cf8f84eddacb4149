import type { Exchange, Market } from '../exchanges/index.ts';

/** Words that people put into a name and that tell nothing. */
const FILLERS = new Set([
  'com',
  'exchange',
  'market',
  'markets',
  'data',
  'feed',
  'ws',
  'websocket',
  'public',
]);
/** Most words of one spelling: `usd m futures`. */
const SPELLING_WORDS_MAX = 4;
/** Shortest spelling that may begin a word written in one piece (`BinanceUS`). */
const PREFIX_LENGTH_MIN = 4;

/** Words [from, to) of a name. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a config's `name` says of the market. Two markets mean that it says too much; none, that it says nothing. */
export interface MarketsNamed {
  readonly markets: readonly Market[];
  /** Words that mean neither the exchange nor a market of it. */
  readonly unknown: readonly string[];
}

/** The markets of an exchange, default first. */
export function marketsOf(exchange: Exchange): Market[] {
  return Object.values(exchange.markets);
}

/** The exchange that a word names by any of its spellings, upper and lower case alike. */
export function exchangeCalled(word: string, exchanges: readonly Exchange[]): Exchange | undefined {
  const wanted = compact(word);
  const exact = exchanges.find((exchange) => compact(exchange.name) === wanted);
  return (
    exact ?? exchanges.find((exchange) => exchangeSpellings(exchange).some((s) => compact(s) === wanted))
  );
}

/** The market of an exchange that a word names: by its name, else by an alias. */
export function marketCalled(word: string, exchange: Exchange): Market | undefined {
  const wanted = compact(word);
  const markets = marketsOf(exchange);
  const exact = markets.find((market) => compact(market.name) === wanted);
  return exact ?? markets.find((market) => market.aliases.some((alias) => compact(alias) === wanted));
}

/**
 * The exchanges in a name such as `Binance US`, `Coinex Futures` or `bitfinex`; two mean that it says too much.
 * Words are split at whatever is neither letter nor digit; upper and lower case are alike; the longest spelling wins.
 */
export function exchangesNamed(name: string, known: readonly Exchange[]): Exchange[] {
  const words = splitJoined(wordsOf(name), known);
  return longest(
    known.flatMap((exchange) =>
      spansOf(words, exchangeSpellings(exchange)).map((span) => ({ span, of: exchange })),
    ),
  );
}

/**
 * The markets of its exchange in a name. A market's own name outranks an alias, so that `Bybit Inverse Futures` is
 * `inverse`. In a name without the exchange no word is unknown: `my recorder` is just a name.
 */
export function marketsNamed(name: string, exchange: Exchange): MarketsNamed {
  const words = splitJoined(wordsOf(name), [exchange]);
  const meaning = marketsAmong(words, exchange);
  return spansOf(words, exchangeSpellings(exchange)).length > 0 ? meaning : { ...meaning, unknown: [] };
}

function marketsAmong(words: readonly string[], exchange: Exchange): MarketsNamed {
  const names = spansOf(words, [exchange.name, exchange.title]);
  const aliases = spansOf(words, exchange.aliases);
  const found = marketSpans(words, exchange).filter(({ span }) => !names.some((own) => overlaps(own, span)));
  const used = [...names, ...aliases, ...found.map(({ span }) => span)];
  return {
    markets: outranking(found),
    unknown: words.filter(
      (word, at) => !FILLERS.has(word) && !used.some(({ from, to }) => from <= at && at < to),
    ),
  };
}

interface MarketSpan {
  readonly span: Span;
  readonly of: Market;
  readonly own: boolean;
}

function marketSpans(words: readonly string[], exchange: Exchange): MarketSpan[] {
  const all = marketsOf(exchange).flatMap((market) => [
    ...spansOf(words, [market.name]).map((span) => ({ span, of: market, own: true })),
    ...spansOf(words, market.aliases).map((span) => ({ span, of: market, own: false })),
  ]);
  // A spelling within a longer one is a part of it: `futures` in `coin futures`.
  return all.filter(({ span }) => !all.some((other) => contains(other.span, span)));
}

/** The markets meant by their own names, or where there are none, those meant by aliases. */
function outranking(found: readonly MarketSpan[]): Market[] {
  const own = found.filter((market) => market.own);
  return [...new Set((own.length > 0 ? own : found).map((market) => market.of))];
}

function longest(found: readonly { span: Span; of: Exchange }[]): Exchange[] {
  const length = Math.max(0, ...found.map(({ span }) => span.to - span.from));
  return [...new Set(found.filter(({ span }) => span.to - span.from === length).map((match) => match.of))];
}

function exchangeSpellings(exchange: Exchange): string[] {
  return [exchange.name, exchange.title, ...exchange.aliases];
}

function wordsOf(text: string): string[] {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

function compact(text: string): string {
  return wordsOf(text).join('');
}

/** `binanceus` becomes `binance us`; words that do not begin with an exchange stay as they are. */
function splitJoined(words: readonly string[], known: readonly Exchange[]): string[] {
  const heads = known
    .flatMap((exchange) => [compact(exchange.name), compact(exchange.title)])
    .filter((head) => head.length >= PREFIX_LENGTH_MIN);
  return words.flatMap((word) => {
    const head = heads.find((candidate) => word.startsWith(candidate) && word !== candidate);
    return head === undefined ? [word] : [head, word.slice(head.length)];
  });
}

/** Where one of these spellings stands among the words, written in one piece or several (`coin ex`, `usd-m`). */
function spansOf(words: readonly string[], spellings: readonly string[]): Span[] {
  const wanted = new Set(spellings.map(compact));
  const spans: Span[] = [];
  for (let from = 0; from < words.length; from++) {
    let joined = '';
    for (let to = from + 1; to <= Math.min(words.length, from + SPELLING_WORDS_MAX); to++) {
      joined += words[to - 1];
      if (wanted.has(joined)) spans.push({ from, to });
    }
  }
  return spans;
}

function overlaps(a: Span, b: Span): boolean {
  return a.from < b.to && b.from < a.to;
}

/** Whether `outer` holds `inner` and more. */
function contains(outer: Span, inner: Span): boolean {
  return outer.from <= inner.from && inner.to <= outer.to && outer.to - outer.from > inner.to - inner.from;
}
