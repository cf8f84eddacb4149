import type { Dialect, SimulatedMarket, SimulatedSymbol } from '../simulation.ts';
import type { RouteClass } from './feeds.ts';
import { type BinanceMarket, marketOf } from './markets.ts';
import { decimalsOf, PayloadWriter, pairOf } from './simulate-payloads.ts';
import { BinanceSession, type SessionOptions } from './simulate-session.ts';
import { namesInUrl } from './subscribe.ts';

/** Class path, mode, and stream names of raw mode: `/public/stream`, `/stream`, `/ws/a/b`. */
const ADDRESS = /^(?:\/(public|market))?\/(stream|ws)(?:\/.*)?$/;

/** Levels of a REST book where the client names no limit. */
const DEPTH_DEFAULT = { spot: 100, futures: 500 } as const;
const DEPTH_MAX = { spot: 5000, futures: 1000 } as const;

/** The server side of a market: addresses, subscriptions, data, REST books and listings. */
export function simulate(name: string, model: SimulatedMarket): Dialect {
  const market = marketOf(name);
  return {
    framing: 'text',
    // protocols/binance.md 2
    pingMs: market.name === 'spot' ? 20_000 : 180_000,
    connect(url, send) {
      const options = readAddress(market, url);
      if (options === null) return null;
      const unit = /^(MICROSECOND|microsecond)$/.test(url.searchParams.get('timeUnit') ?? '');
      const writer = new PayloadWriter(market, market.name === 'spot' && unit);
      const session = new BinanceSession(model, writer, options, send);
      for (const stream of namesInUrl(url)) session.add(stream);
      return session;
    },
    rest: (url) => rest(market, model, url),
  };
}

/** Without a class in its path a USD-M connection is one of the book class (protocols/binance.md 1). */
function readAddress(market: BinanceMarket, url: URL): SessionOptions | null {
  const match = ADDRESS.exec(url.pathname);
  if (match === null) return null;
  const [, path, mode] = match;
  const futures = market.bookRule === 'futures';
  if (path !== undefined && !futures) return null;
  const unrouted: RouteClass | null = market.name === 'usdm' ? 'public' : null;
  return { combined: mode === 'stream', route: (path as RouteClass | undefined) ?? unrouted };
}

function rest(market: BinanceMarket, model: SimulatedMarket, url: URL) {
  const base = market.depthPath.replace(/\/depth$/, '');
  switch (url.pathname) {
    case `${base}/ping`:
      return json(200, {});
    case `${base}/time`:
      return json(200, { serverTime: Math.floor(model.now() / 1000) });
    case `${base}/exchangeInfo`:
      return json(200, listing(market, model));
    case market.depthPath:
      return depth(market, model, url);
    default:
      return null;
  }
}

function json(status: number, body: unknown) {
  return { status, body: JSON.stringify(body) };
}

function depth(market: BinanceMarket, model: SimulatedMarket, url: URL) {
  const name = url.searchParams.get('symbol');
  if (name === null) return json(400, { code: -1102, msg: "Mandatory parameter 'symbol' was not sent." });
  const symbol = model.symbol(name);
  if (symbol === undefined) return json(400, { code: -1121, msg: 'Invalid symbol.' });
  const rule = market.bookRule;
  const asked = Number(url.searchParams.get('limit') ?? DEPTH_DEFAULT[rule]);
  const limit = asked >= 1 ? Math.min(asked, DEPTH_MAX[rule]) : DEPTH_DEFAULT[rule];
  const writer = new PayloadWriter(market);
  const sides = `"bids":${writer.levels(symbol, symbol.levels('bid', limit))},"asks":${writer.levels(symbol, symbol.levels('ask', limit))}`;
  const id = `{"lastUpdateId":${writer.updateId(symbol.sequence)}`;
  if (rule === 'spot') return { status: 200, body: `${id},${sides}}` };
  const contract = market.name === 'coinm' ? `,"symbol":"${name}","pair":"${pairOf(name)}"` : '';
  const times = `"E":${writer.time(Math.max(model.now(), symbol.time))},"T":${writer.time(symbol.time)}`;
  return { status: 200, body: `${id}${contract},${times},${sides}}` };
}

/** The parts of exchangeInfo that clients read (protocols/binance.md 12.3). */
function listing(market: BinanceMarket, model: SimulatedMarket): object {
  const futures = market.bookRule === 'futures';
  return {
    timezone: 'UTC',
    serverTime: Math.floor(model.now() / 1000),
    rateLimits: [
      {
        rateLimitType: 'REQUEST_WEIGHT',
        interval: 'MINUTE',
        intervalNum: 1,
        limit: futures ? 2400 : market.name === 'us' ? 1200 : 6000,
      },
    ],
    exchangeFilters: [],
    symbols: model.symbols.map((symbol) => instrument(market, symbol)),
  };
}

function instrument(market: BinanceMarket, symbol: SimulatedSymbol): object {
  const { name, base, quote, tickSize, lotSize } = symbol;
  const filters = [
    { filterType: 'PRICE_FILTER', minPrice: tickSize, maxPrice: '1000000', tickSize },
    { filterType: 'LOT_SIZE', minQty: lotSize, maxQty: '10000000', stepSize: lotSize },
  ];
  const common = { symbol: name, baseAsset: base, quoteAsset: quote, filters };
  if (market.bookRule === 'spot')
    return { ...common, status: 'TRADING', isSpotTradingAllowed: true, permissions: [] };
  const contract = {
    ...common,
    pair: pairOf(name),
    contractType: 'PERPETUAL',
    deliveryDate: 4133404800000,
    pricePrecision: decimalsOf(tickSize),
    quantityPrecision: decimalsOf(lotSize),
  };
  if (market.name === 'coinm')
    return { ...contract, contractStatus: 'TRADING', contractSize: 100, marginAsset: base };
  return { ...contract, status: 'TRADING', marginAsset: quote };
}
