import type { SimulatedMarket, SimulatedSymbol } from '../simulation.ts';
import { DepthWindow } from './simulate-depth.ts';
import { deal, state } from './simulate-messages.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Answers REST requests of one market, with or without `/v2` before the path (protocols/coinex.md 10). */
export function answerRest(market: string, model: SimulatedMarket, url: URL): Answer | null {
  const path = url.pathname.replace(/^\/v2(?=\/)/, '');
  const nowMs = Math.floor(model.now() / 1000);
  switch (path) {
    case '/ping':
      return ok({ result: 'pong' });
    case '/time':
      return ok({ timestamp: nowMs });
    case '/maintain/info':
      return ok([]);
    case `/${market}/market`:
      return ofSymbols(model, url, (symbol) => instrument(market, symbol));
    case `/${market}/ticker`:
      return ofSymbols(model, url, (symbol) => state(market, symbol, nowMs));
    case `/${market}/deals`:
      return ofSymbol(model, url, (symbol) => symbol.recentTrades(limitOf(url, 100, 1000)).map(deal));
    case `/${market}/depth`:
      return ofSymbol(model, url, (symbol) =>
        new DepthWindow(symbol, limitOf(url, 50, 50), url.searchParams.get('interval') ?? '0', true).full(),
      );
    default:
      return null;
  }
}

function ok(data: unknown): Answer {
  return { status: 200, body: JSON.stringify({ code: 0, data, message: 'OK' }) };
}

/** An unknown market comes back as 3639 (protocols/coinex.md 10). */
function unknownMarket(name: string): Answer {
  const message = `Invalid Parameter: market ${name} not found`;
  return { status: 200, body: JSON.stringify({ code: 3639, data: {}, message }) };
}

function ofSymbol(model: SimulatedMarket, url: URL, make: (symbol: SimulatedSymbol) => unknown): Answer {
  const name = url.searchParams.get('market') ?? '';
  const symbol = model.symbol(name);
  return symbol === undefined ? unknownMarket(name) : ok(make(symbol));
}

/** `market` is a list with commas, at most ten; none means all. */
function ofSymbols(model: SimulatedMarket, url: URL, make: (symbol: SimulatedSymbol) => unknown): Answer {
  const names = (url.searchParams.get('market') ?? '').split(',').filter((name) => name !== '');
  const symbols = names.length === 0 ? model.symbols : names.map((name) => model.symbol(name));
  const missing = symbols.indexOf(undefined as never);
  if (missing >= 0) return unknownMarket(names[missing] ?? '');
  return ok((symbols as readonly SimulatedSymbol[]).map(make));
}

function limitOf(url: URL, usual: number, most: number): number {
  const limit = Number(url.searchParams.get('limit') ?? usual);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, most) : usual;
}

function instrument(market: string, symbol: SimulatedSymbol): object {
  const common = {
    market: symbol.name,
    taker_fee_rate: '0.002',
    maker_fee_rate: '0.002',
    min_amount: symbol.lotSize,
    base_ccy: symbol.base,
    quote_ccy: symbol.quote,
    base_ccy_precision: decimals(symbol.lotSize),
    quote_ccy_precision: decimals(symbol.tickSize),
    is_api_trading_available: true,
  };
  if (market === 'spot')
    return { ...common, status: 'online', is_amm_available: true, is_margin_available: true };
  return {
    ...common,
    contract_type: 'linear',
    tick_size: symbol.tickSize,
    is_market_available: true,
    leverage: ['3', '5', '10', '20', '50', '100'],
    open_interest_volume: symbol.day().volume,
  };
}

function decimals(size: string): number {
  return size.split('.')[1]?.length ?? 0;
}
