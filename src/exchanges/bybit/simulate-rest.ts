import type { SimulatedLevel, SimulatedMarket, SimulatedSymbol } from '../simulation.ts';
import type { BybitMarket } from './markets.ts';
import { crossSequence, pushedMs } from './simulate-envelope.ts';

/** Levels of a REST book where none are asked for, and at most (protocols/bybit.md 12). */
const SPOT_DEPTH_DEFAULT = 1;
const CONTRACT_DEPTH_DEFAULT = 25;
const DEPTH_MAX = 1000;
/** Entries of a listing page. */
const PAGE_DEFAULT = 500;
const PAGE_MAX = 1000;

interface RestResponse {
  readonly status: number;
  readonly body: string;
}

/** Answers a REST request of this market's category (protocols/bybit.md 12); null: no such path. */
export function answerRest(market: BybitMarket, model: SimulatedMarket, url: URL): RestResponse | null {
  switch (url.pathname) {
    case '/v5/market/time':
      return success(model, {
        timeSecond: String(Math.floor(model.now() / 1e6)),
        timeNano: String(BigInt(Math.floor(model.now())) * 1000n),
      });
    case '/v5/market/orderbook':
      return ofCategory(market, model, url) ?? orderbook(market, model, url);
    case '/v5/market/instruments-info':
      return ofCategory(market, model, url) ?? instruments(market, model, url);
    default:
      return null;
  }
}

function success(model: SimulatedMarket, result: object): RestResponse {
  const time = Math.floor(model.now() / 1000);
  const answer = { retCode: 0, retMsg: 'OK', result, retExtInfo: {}, time };
  return { status: 200, body: JSON.stringify(answer) };
}

/** An error comes with HTTP 200 (protocols/bybit.md 12). */
function failure(model: SimulatedMarket, retMsg: string): RestResponse {
  const time = Math.floor(model.now() / 1000);
  return { status: 200, body: JSON.stringify({ retCode: 10001, retMsg, result: {}, retExtInfo: {}, time }) };
}

function ofCategory(market: BybitMarket, model: SimulatedMarket, url: URL): RestResponse | null {
  const category = url.searchParams.get('category');
  return category === market.category ? null : failure(model, 'params error: Category is invalid');
}

function orderbook(market: BybitMarket, model: SimulatedMarket, url: URL): RestResponse {
  const symbol = model.symbol(url.searchParams.get('symbol') ?? '');
  if (symbol === undefined) return failure(model, 'params error: Symbol Invalid');
  const usual = market.name === 'spot' ? SPOT_DEPTH_DEFAULT : CONTRACT_DEPTH_DEFAULT;
  const limit = numberOf(url, 'limit', usual, DEPTH_MAX);
  const pairs = (levels: readonly SimulatedLevel[]) => levels.map(({ price, amount }) => [price, amount]);
  return success(model, {
    s: symbol.name,
    a: pairs(symbol.levels('ask', limit)),
    b: pairs(symbol.levels('bid', limit)),
    ts: pushedMs(model, symbol),
    // The exchange gives the number of its 1000-level stream (11.4); here each connection numbers for itself.
    u: symbol.sequence,
    seq: crossSequence(symbol),
    cts: Math.floor(symbol.time / 1000),
  });
}

function numberOf(url: URL, name: string, usual: number, most: number): number {
  const asked = Number(url.searchParams.get(name) ?? usual);
  return asked >= 1 ? Math.min(Math.floor(asked), most) : usual;
}

function instruments(market: BybitMarket, model: SimulatedMarket, url: URL): RestResponse {
  const wanted = url.searchParams.get('symbol');
  const symbols = model.symbols.filter(({ name }) => wanted === null || name === wanted);
  // Spot has no pages.
  const limit = market.name === 'spot' ? symbols.length : numberOf(url, 'limit', PAGE_DEFAULT, PAGE_MAX);
  const from = numberOf(url, 'cursor', 0, symbols.length);
  const list = symbols.slice(from, from + limit).map((symbol) => instrument(market, symbol));
  const next = from + limit < symbols.length ? String(from + limit) : '';
  const cursor = market.name === 'spot' ? {} : { nextPageCursor: next };
  return success(model, { category: market.category, list, ...cursor });
}

function instrument(market: BybitMarket, { name, base, quote, tickSize, lotSize }: SimulatedSymbol): object {
  const coins = { baseCoin: base, quoteCoin: quote };
  if (market.name === 'spot') {
    const lotSizeFilter = { basePrecision: lotSize, quotePrecision: '0.0000001', minOrderQty: lotSize };
    return { symbol: name, ...coins, status: 'Trading', lotSizeFilter, priceFilter: { tickSize } };
  }
  return {
    symbol: name,
    contractType: market.name === 'linear' ? 'LinearPerpetual' : 'InversePerpetual',
    status: 'Trading',
    ...coins,
    settleCoin: market.name === 'linear' ? quote : base,
    priceFilter: { tickSize },
    lotSizeFilter: { qtyStep: lotSize, minOrderQty: lotSize },
    fundingInterval: 480,
  };
}
