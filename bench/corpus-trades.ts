import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One trade, its numbers as the text the exchange sent. */
export interface TradeText {
  readonly price: string;
  readonly amount: string;
  /** Matching time, µs. */
  readonly time: number;
  readonly buy: boolean;
  /** When the exchange pushed it, less the matching time, µs; null where it says no such thing. */
  readonly pushDelay: number | null;
}

/** Trades of one symbol in the order of time, as one exchange sent them. */
export interface TradeStream {
  readonly name: string;
  readonly trades: readonly TradeText[];
}

type Fields = Readonly<Record<string, unknown>>;
type Found = (symbol: string, trade: TradeText) => void;

/** How each captured exchange writes its trades; a message that holds none gives none. */
const READERS: Readonly<Record<string, (message: unknown, text: string, found: Found) => void>> = {
  'binance-spot': binance,
  'binance-us': binance,
  'binance-usdm': binance,
  bitfinex,
  okx,
  'kraken-futures': krakenFutures,
};

/** The trades of every capture in `directory`, a stream for each symbol. */
export function corpusTrades(directory: string): TradeStream[] {
  return Object.entries(READERS).flatMap(([name, read]) => {
    const streams = new Map<string, TradeText[]>();
    for (const line of readFileSync(join(directory, `${name}.jsonl`), 'utf8').split('\n')) {
      if (line === '') continue;
      const { t, data } = JSON.parse(line) as { t: string; data?: string };
      if (t !== 'recv' || data === undefined) continue;
      // Bitfinex writes amounts as numbers, whose text JSON.parse does not keep: its reader looks at the text itself.
      read(JSON.parse(data), data, (symbol, trade) => {
        const trades = streams.get(symbol);
        if (trades === undefined) streams.set(symbol, [trade]);
        else trades.push(trade);
      });
    }
    return [...streams].map(([symbol, trades]) => ({
      name: `${name} ${symbol}`,
      trades: trades.toSorted((a, b) => a.time - b.time),
    }));
  });
}

function binance(message: unknown, _text: string, found: Found): void {
  const { data } = message as { data?: Fields };
  if (data?.e !== 'aggTrade') return;
  const time = Number(data.T) * 1000;
  found(String(data.s), {
    price: String(data.p),
    amount: String(data.q),
    time,
    buy: data.m === false,
    pushDelay: Number(data.E) * 1000 - time,
  });
}

/** `[channel, [[id, ms, amount, price], ...], ...]`: the amount's sign is the side; newest first. */
function bitfinex(message: unknown, text: string, found: Found): void {
  if (!Array.isArray(message) || !/^\[\d+,\[\[\d{6,},\d{13},/.test(text)) return;
  const trades = [...text.matchAll(/\[(\d+),(\d{13}),(-?[\d.e-]+),([\d.e-]+)\]/g)].reverse();
  for (const [, , ms, amount = '', price = ''] of trades)
    found(String(message[0]), {
      price,
      amount: amount.replace('-', ''),
      time: Number(ms) * 1000,
      buy: !amount.startsWith('-'),
      pushDelay: null,
    });
}

function okx(message: unknown, _text: string, found: Found): void {
  const { arg, data } = message as { arg?: Fields; data?: Fields[] };
  if (arg?.channel !== 'trades') return;
  for (const trade of data ?? [])
    found(String(trade.instId), {
      price: String(trade.px),
      amount: String(trade.sz),
      time: Number(trade.ts) * 1000,
      buy: trade.side === 'buy',
      pushDelay: null,
    });
}

/** A snapshot holds the newest trade first; a live trade comes alone. */
function krakenFutures(message: unknown, _text: string, found: Found): void {
  const { feed, trades, product_id: symbol } = message as Fields;
  const list = feed === 'trade_snapshot' && Array.isArray(trades) ? (trades as Fields[]).toReversed() : [];
  if (feed === 'trade') list.push(message as Fields);
  for (const trade of list)
    found(String(symbol), {
      price: String(trade.price),
      amount: String(trade.qty),
      time: Number(trade.time) * 1000,
      buy: trade.side === 'buy',
      pushDelay: null,
    });
}
