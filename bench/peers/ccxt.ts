import { createRequire } from 'node:module';
import { measure } from './measure.ts';

/**
 * ccxt's watchTrades on the flood: `node bench/peers/ccxt.ts <port> <messages>`.
 *
 * Bent to the local server by its own `urls`, with the market set by hand. The path keeps the `/stream` by which it
 * tells spot from futures. It keeps 1,000 trades a symbol (its default) and hands out those that came since the last
 * call (`newUpdates`, its default); where more came, the rest is never handed out, though it was read and parsed.
 */
interface Trade {
  readonly id: string;
}
interface Exchange {
  urls: { api: { ws: Record<string, string> } };
  newUpdates: boolean;
  loadHttpProxyAgent(): Promise<object>;
  setMarkets(markets: readonly object[]): void;
  watchTrades(symbol: string): Promise<readonly Trade[]>;
}
interface Ccxt {
  readonly pro: { readonly binance: new (options: object) => Exchange };
}

const [port = '', count = ''] = process.argv.slice(2);
const ccxt = createRequire(import.meta.url)('ccxt') as Ccxt;
const exchange = new ccxt.pro.binance({ newUpdates: true });
exchange.urls.api.ws.spot = `ws://127.0.0.1:${port}/stream/ws`;
// What it asks for before it dials an address without TLS.
await exchange.loadHttpProxyAgent();
const market = { id: 'BTCUSDT', lowercaseId: 'btcusdt', symbol: 'BTC/USDT', base: 'BTC', quote: 'USDT' };
const kind = { type: 'spot', spot: true, margin: false, contract: false, active: true };
exchange.setMarkets([{ ...market, ...kind, precision: { amount: 5, price: 2 }, limits: {} }]);

async function* batches(): AsyncGenerator<readonly Trade[]> {
  while (true) yield await exchange.watchTrades('BTC/USDT');
}

/** Ids are consecutive, so the last id tells how many were read, handed out or not. */
let firstId = Number.NaN;
let read = 0;
await measure(batches(), Number(count), (trades) => {
  const last = Number(trades.at(-1)?.id);
  if (Number.isNaN(firstId)) firstId = Number(trades[0]?.id);
  const before = read;
  read = Math.max(read, last - firstId + 1);
  return read - before;
});
