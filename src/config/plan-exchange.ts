import { EXCHANGES, type Exchange, type LinkPlan, type Market } from '../exchanges/index.ts';
import type { Stream } from '../record/index.ts';
import type { ExchangeConfig } from './config.ts';
import { hasWildcard, resolveWildcards } from './wildcards.ts';

export interface ExchangePlan {
  readonly plans: readonly LinkPlan[];
  /** For a person: patterns that match no symbol. The rest is planned all the same. */
  readonly problems: readonly string[];
}

/**
 * The links that an exchange entry of a checked config needs, each with its address and messages. `symbols` is the
 * market's listing, for `*`; without it, requests with a `*` are left out (see `hasWildcard`).
 */
export function planExchange(
  config: ExchangeConfig,
  symbols?: readonly string[],
  exchanges: readonly Exchange[] = EXCHANGES,
): ExchangePlan {
  const { exchange, market } = marketOf(config, exchanges);
  const { streams, problems } =
    symbols === undefined
      ? { streams: config.streams.filter((request) => !hasWildcard(request)), problems: [] }
      : resolveWildcards(config.streams, symbols);
  const plans = exchange.planLinks({
    market: market.name,
    streams: streams.map((request) => ({ market: market.name, ...request })),
    raw: config.raw,
    ...(config.uri === undefined ? {} : { uri: config.uri }),
    ...(config.rest === undefined ? {} : { rest: config.rest }),
  });
  const asked = config.uri === undefined ? [] : (exchange.readUrl(new URL(config.uri))?.streams ?? []);
  return {
    plans: asked.length === 0 ? plans : withAddressStreams(plans, asked, config, exchange, market),
    problems,
  };
}

/**
 * An address may ask for streams itself: the link that dials it carries them, and there is such a link even where
 * nothing else is asked for.
 */
function withAddressStreams(
  links: readonly LinkPlan[],
  asked: readonly Stream[],
  config: ExchangeConfig,
  exchange: Exchange,
  market: Market,
): LinkPlan[] {
  const uri = config.uri ?? '';
  const keys = new Set(links.flatMap((link) => link.streams.map(keyOf)));
  const missing = asked.filter((stream) => !keys.has(keyOf(stream)));
  if (missing.length === 0) return [...links];
  const carrier = links.findIndex((link) => link.url === uri);
  if (carrier >= 0)
    return links.map((link, index) =>
      index === carrier ? { ...link, streams: [...missing, ...link.streams] } : link,
    );
  const own: LinkPlan = {
    exchange: exchange.name,
    market: market.name,
    url: uri,
    rest: config.rest ?? market.rest,
    streams: missing,
    greeting: [],
    subscribe: [],
  };
  return [own, ...links];
}

function keyOf(stream: Stream): string {
  return `${stream.market} ${stream.channel} ${stream.feed} ${stream.symbol}`;
}

/** Exchange and market of a checked config. Names that are not in the registry are a programmer's error. */
export function marketOf(
  config: ExchangeConfig,
  exchanges: readonly Exchange[],
): { exchange: Exchange; market: Market } {
  const exchange = exchanges.find((known) => known.name === config.exchange);
  const market = exchange?.markets[config.market];
  if (exchange === undefined || market === undefined)
    throw new RangeError(`no market ${config.exchange} ${config.market}: the config was not checked`);
  return { exchange, market };
}
