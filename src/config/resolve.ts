import type { Exchange, Market, UrlMeaning } from '../exchanges/index.ts';
import { exchangeCalled, exchangesNamed, marketCalled, marketsNamed, marketsOf } from './names.ts';
import { nearestName } from './nearest.ts';
import { oneOf, type Path, type Problems, shown } from './problem.ts';

/** The fields of an exchange entry that tell which exchange and market it is. */
export interface Naming {
  readonly name?: string | undefined;
  readonly exchange?: string | undefined;
  readonly market?: string | undefined;
  /** The entry's `uri`, where it is a good one. */
  readonly url: URL | undefined;
}

export interface Resolution {
  readonly exchange: Exchange;
  /** Undefined where a problem was reported. */
  readonly market: Market | undefined;
  /** What the exchange says of the entry's `uri`; null where it is no address of its own. */
  readonly urlMeaning: UrlMeaning | null;
}

/**
 * Which exchange and market an entry means: `exchange` and `market` where given, else the words of `name`, else
 * `uri`, else the exchange's first market. Where two of them disagree, that is a problem; only an explicit
 * `market` overrules a market word of the name.
 */
export function resolveNaming(
  naming: Naming,
  path: Path,
  known: readonly Exchange[],
  problems: Problems,
): Resolution | null {
  const exchange = resolveExchange(naming, path, known, problems);
  if (exchange === null) return null;
  const urlMeaning = naming.url === undefined ? null : exchange.readUrl(naming.url);
  checkOwnAddress(naming.url, exchange, urlMeaning, path, known, problems);
  return { exchange, market: resolveMarket(naming, exchange, urlMeaning, path, problems), urlMeaning };
}

function resolveExchange(
  naming: Naming,
  path: Path,
  known: readonly Exchange[],
  problems: Problems,
): Exchange | null {
  const names = known.map((exchange) => exchange.name);
  const expected = `expected ${oneOf(names)}`;
  const said = naming.name === undefined ? [] : exchangesNamed(naming.name, known);
  if (naming.exchange !== undefined) {
    const exchange = exchangeCalled(naming.exchange, known);
    if (exchange === undefined) {
      const message = `no exchange is called ${shown(naming.exchange)}; ${expected}`;
      problems.add([...path, 'exchange'], message, nearestName(naming.exchange, names));
    } else if (said.length > 0 && !said.includes(exchange)) {
      const message = `the name says ${oneOf(titles(said))}, but "exchange" says ${exchange.title}`;
      problems.add([...path, 'name'], message);
    }
    return exchange ?? null;
  }
  const [first, second] = said;
  if (first !== undefined && second === undefined) return first;
  if (second !== undefined) {
    const message = `the name says ${oneOf(titles(said))}; give "exchange" to tell which`;
    problems.add([...path, 'name'], message);
    return null;
  }
  const byUrl = known.find((exchange) => naming.url !== undefined && exchange.readUrl(naming.url) !== null);
  if (byUrl !== undefined) return byUrl;
  if (naming.name === undefined) problems.add(path, `no exchange: "exchange" is missing; ${expected}`);
  else
    problems.add(
      [...path, 'name'],
      `${shown(naming.name)} names no exchange known here; ${expected}, or give "exchange"`,
      nearestInName(naming.name, names),
    );
  return null;
}

function titles(exchanges: readonly Exchange[]): string[] {
  return exchanges.map((exchange) => exchange.title);
}

/** The exchange that the whole name or its first word most likely means. */
function nearestInName(name: string, names: readonly string[]): string | undefined {
  return nearestName(name, names) ?? nearestName(name.split(/[\s._-]+/)[0] ?? '', names);
}

/** An address that belongs to another exchange is a mistake; one that nobody knows may be a proxy or a simulator. */
function checkOwnAddress(
  url: URL | undefined,
  exchange: Exchange,
  meaning: UrlMeaning | null,
  path: Path,
  known: readonly Exchange[],
  problems: Problems,
): void {
  if (url === undefined || meaning !== null) return;
  const owner = known.find((other) => other.readUrl(url) !== null);
  if (owner === undefined) return;
  problems.add([...path, 'uri'], `${url.host} is an address of ${owner.title}, not of ${exchange.title}`);
}

function resolveMarket(
  naming: Naming,
  exchange: Exchange,
  urlMeaning: UrlMeaning | null,
  path: Path,
  problems: Problems,
): Market | undefined {
  const names = marketsOf(exchange).map((market) => market.name);
  const byUrl = urlMeaning === null ? undefined : marketCalled(urlMeaning.market, exchange);
  if (naming.market !== undefined) {
    const market = marketCalled(naming.market, exchange);
    if (market === undefined) {
      const message = `${exchange.title} has no market ${shown(naming.market)}; expected ${oneOf(names)}`;
      problems.add([...path, 'market'], message, nearestName(naming.market, names));
    } else checkSameMarket(market, byUrl, exchange, [...path, 'uri'], '"market"', problems);
    return market;
  }
  const said = naming.name === undefined ? null : marketsNamed(naming.name, exchange);
  const [first, second] = said?.markets ?? [];
  if (first !== undefined && second !== undefined) {
    const message = `the name says ${oneOf((said?.markets ?? []).map(({ name }) => name))}; give "market" to tell which`;
    problems.add([...path, 'name'], message);
    return undefined;
  }
  if (first !== undefined) {
    checkSameMarket(first, byUrl, exchange, [...path, 'uri'], 'the name', problems);
    return first;
  }
  if (byUrl !== undefined) return byUrl;
  const [word] = said?.unknown ?? [];
  if (word !== undefined) {
    const message = `${shown(word)} is no market of ${exchange.title}; expected ${oneOf(names)}, or give "market"`;
    problems.add([...path, 'name'], message, nearestName(word, names));
    return undefined;
  }
  return marketsOf(exchange)[0];
}

/** Reports an address that means another market than the one said. */
function checkSameMarket(
  said: Market,
  byUrl: Market | undefined,
  exchange: Exchange,
  path: Path,
  who: string,
  problems: Problems,
): void {
  if (byUrl === undefined || byUrl === said || readsAs(said, exchange) === byUrl.name) return;
  const message = `this address is ${exchange.title} ${byUrl.name}, but ${who} says ${said.name}; change one of them`;
  problems.add(path, message);
}

/**
 * The market that a market's own address reads as. Not always itself: two markets may share one address, and then
 * the address alone cannot contradict either (protocols/bitfinex.md 1).
 */
function readsAs(market: Market, exchange: Exchange): string | undefined {
  for (const channel of ['trades', 'book', 'quotes', 'ticker'] as const) {
    const feed = market.channels[channel]?.defaultFeed;
    if (feed === undefined) continue;
    const stream = { market: market.name, channel, feed, symbol: market.example };
    const [link] = exchange.planLinks({ market: market.name, streams: [stream] });
    return link === undefined ? undefined : exchange.readUrl(new URL(link.url))?.market;
  }
  return undefined;
}
