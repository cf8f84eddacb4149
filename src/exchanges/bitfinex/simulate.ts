import type { Dialect, SimulatedMarket, SimulatedSymbol } from '../simulation.ts';
import { isDerivative, PRECISIONS } from './feeds.ts';
import { PATH } from './markets.ts';
import { SimulatedBook } from './simulate-book.ts';
import { findSymbol, SimulatedSession } from './simulate-session.ts';

/**
 * Bitfinex's server side, for one market: trading tickers, trades and P books with all flags that a recorder uses.
 * Not played: candles, status channels, raw books, funding.
 */
export function simulate(_market: string, model: SimulatedMarket): Dialect {
  return {
    framing: 'text',
    pingMs: null,
    connect: (url, send) => (url.pathname === PATH ? new SimulatedSession(model, send) : null),
    rest: (url) => rest(model, url),
  };
}

type RestBody = { readonly status: number; readonly body: string };

/** The public REST endpoints a recorder and its tests need (protocols/bitfinex.md 11). */
function rest(model: SimulatedMarket, url: URL): RestBody | null {
  const path = decoded(url.pathname);
  if (path === '/v2/platform/status') return answer([1]);
  const items = /^\/v2\/conf\/(.+)$/.exec(path)?.[1];
  if (items !== undefined) return answer(items.split(',').map((item) => confItem(model, item)));
  const [, symbol, prec] = /^\/v2\/book\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (symbol === undefined || prec === undefined) return null;
  return book(model, symbol, prec, url.searchParams.get('len') ?? '25');
}

function answer(body: unknown, status = 200): RestBody {
  return { status, body: JSON.stringify(body) };
}

function confItem(model: SimulatedMarket, item: string): string[] {
  const pairs = model.symbols.map(pairOf);
  if (item === 'pub:list:pair:exchange') return pairs.filter((pair) => !isDerivative(pair));
  if (item === 'pub:list:pair:futures') return pairs.filter(isDerivative);
  return [];
}

function pairOf({ name }: SimulatedSymbol): string {
  return name.startsWith('t') ? name.slice(1) : name;
}

/** A book over REST: neither number nor time (10), and 250 levels only over the socket (11). */
function book(model: SimulatedMarket, symbol: string, prec: string, len: string): RestBody {
  const found = findSymbol(model, symbol);
  if (found === undefined) return answer(['error', 10020, 'symbol: invalid'], 500);
  if (!PRECISIONS.some((known) => known === prec)) return answer(['error', 10020, 'precision: invalid'], 500);
  if (!['1', '25', '100'].includes(len)) return answer(['error', 10020, 'len: invalid'], 500);
  return answer(new SimulatedBook(found, { prec, freq: 'F0', len }).snapshot());
}

/** The path without percent-encoding; as it stands where it cannot be decoded. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
