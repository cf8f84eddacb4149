import type { SimulatedLevel, SimulatedSymbol, SimulatedTrade } from '../simulation.ts';
import type { BinanceMarket } from './markets.ts';

/** Added to trade ids for aggregate ids: the two are different id spaces, and a reader must not mix them up. */
const AGGREGATE_OFFSET = 7;

/**
 * Writes payloads as one market prints them: spot with 8 decimals everywhere and, where asked, in µs; futures with
 * the decimals of tick and lot (protocols/binance.md 5 to 8).
 */
export class PayloadWriter {
  readonly #futures: boolean;
  /** `st`: 1 on USD-M, 2 on COIN-M (7.0). */
  readonly #universe: 1 | 2;
  readonly #unit: 1 | 1000;

  /** `microseconds`: the connection asked for `timeUnit=MICROSECOND`. */
  constructor(market: BinanceMarket, microseconds = false) {
    this.#futures = market.bookRule === 'futures';
    this.#universe = market.name === 'coinm' ? 2 : 1;
    this.#unit = microseconds ? 1 : 1000;
  }

  /** A time in the connection's unit, from µs. */
  time(time: number): number {
    return Math.floor(time / this.#unit);
  }

  /**
   * The update id of a change. Futures ids are shared by all symbols, so that one symbol's are not contiguous
   * (11.2): here every third.
   */
  updateId(sequence: number): number {
    return this.#futures ? sequence * 3 : sequence;
  }

  price(symbol: SimulatedSymbol, text: string): string {
    return withDecimals(text, this.#futures ? decimalsOf(symbol.tickSize) : 8);
  }

  amount(symbol: SimulatedSymbol, text: string): string {
    return withDecimals(text, this.#futures ? decimalsOf(symbol.lotSize) : 8);
  }

  levels(symbol: SimulatedSymbol, levels: readonly SimulatedLevel[]): string {
    const texts = levels.map(
      ({ price, amount }) => `["${this.price(symbol, price)}","${this.amount(symbol, amount)}"]`,
    );
    return `[${texts.join(',')}]`;
  }

  trade(symbol: SimulatedSymbol, trade: SimulatedTrade, now: number): string {
    const head = `{"e":"trade","E":${this.#after(now, trade.time)}`;
    const what = `"t":${trade.id},"p":"${this.price(symbol, trade.price)}","q":"${this.amount(symbol, trade.amount)}"`;
    const time = this.time(trade.time);
    const maker = trade.side === 'sell';
    return this.#futures
      ? `${head},"T":${time},"s":"${symbol.name}",${what},"X":"MARKET","m":${maker}}`
      : `${head},"s":"${symbol.name}",${what},"T":${time},"m":${maker},"M":true}`;
  }

  /** Every trade is an aggregate of its own. */
  aggTrade(symbol: SimulatedSymbol, trade: SimulatedTrade, now: number): string {
    const amount = this.amount(symbol, trade.amount);
    const price = `"p":"${this.price(symbol, trade.price)}","q":"${amount}"`;
    const ids = `"f":${trade.id},"l":${trade.id}`;
    const tail = `"T":${this.time(trade.time)},"m":${trade.side === 'sell'}`;
    const head = `{"e":"aggTrade","E":${this.#after(now, trade.time)},"s":"${symbol.name}","a":${trade.id + AGGREGATE_OFFSET}`;
    if (!this.#futures) return `${head},${price},${ids},${tail},"M":true}`;
    const withoutRpi = this.#universe === 1 ? `,"nq":"${amount}"` : '';
    return `${head},${price}${withoutRpi},${ids},${tail},"st":${this.#universe}}`;
  }

  /** A diff over the sequence numbers (from, to]. */
  depth(symbol: SimulatedSymbol, from: number, to: number, now: number): string {
    const changes = symbol.changesSince(from) ?? [];
    const side = (name: 'bid' | 'ask') =>
      this.levels(
        symbol,
        changes.filter((change) => change.side === name),
      );
    const levels = `"b":${side('bid')},"a":${side('ask')}`;
    const ids = `"U":${this.#futures ? this.updateId(from) + 2 : from + 1},"u":${this.updateId(to)}`;
    const time = this.#after(now, symbol.time);
    if (!this.#futures) return `{"e":"depthUpdate","E":${time},"s":"${symbol.name}",${ids},${levels}}`;
    const head = `{"e":"depthUpdate","E":${time},"T":${this.time(symbol.time)},"s":"${symbol.name}"`;
    return `${head},${ids},"pu":${this.updateId(from)},${levels},${this.#universeFields(symbol)}}`;
  }

  bookTicker(symbol: SimulatedSymbol, now: number): string {
    const best = (side: 'bid' | 'ask', price: string, amount: string) => {
      const level = symbol.levels(side, 1)[0] ?? { price: '0', amount: '0' };
      return `"${price}":"${this.price(symbol, level.price)}","${amount}":"${this.amount(symbol, level.amount)}"`;
    };
    const what = `"u":${this.updateId(symbol.sequence)},"s":"${symbol.name}",${best('bid', 'b', 'B')},${best('ask', 'a', 'A')}`;
    if (!this.#futures) return `{${what}}`;
    const times = `"T":${this.time(symbol.time)},"E":${this.#after(now, symbol.time)}`;
    return `{"e":"bookTicker",${what},${times},${this.#universeFields(symbol)}}`;
  }

  ticker(symbol: SimulatedSymbol, now: number): string {
    const day = symbol.day();
    const price = (text: string) => this.price(symbol, text);
    const change = Number(day.last) - Number(day.open);
    const payload: Record<string, unknown> = {
      e: '24hrTicker',
      E: this.time(now),
      s: symbol.name,
      p: price(change.toFixed(decimalsOf(symbol.tickSize))),
      P: ((change / Number(day.open)) * 100).toFixed(3),
      w: price((Number(day.quoteVolume) / Number(day.volume)).toFixed(decimalsOf(symbol.tickSize))),
      c: price(day.last),
      Q: this.amount(symbol, symbol.recentTrades(1)[0]?.amount ?? '0'),
      ...(this.#futures ? {} : this.#bestQuotes(symbol)),
      ...this.#day(symbol),
      O: this.time(now - 86_400e6),
      C: this.time(now),
      n: day.trades,
    };
    return JSON.stringify({ ...payload, ...this.#universeObject(symbol) });
  }

  miniTicker(symbol: SimulatedSymbol, now: number): string {
    return JSON.stringify({
      e: '24hrMiniTicker',
      E: this.time(now),
      s: symbol.name,
      c: this.price(symbol, symbol.day().last),
      ...this.#day(symbol),
      ...this.#universeObject(symbol),
    });
  }

  #bestQuotes(symbol: SimulatedSymbol) {
    const bid = symbol.levels('bid', 1)[0] ?? { price: '0', amount: '0' };
    const ask = symbol.levels('ask', 1)[0] ?? { price: '0', amount: '0' };
    return {
      b: this.price(symbol, bid.price),
      B: this.amount(symbol, bid.amount),
      a: this.price(symbol, ask.price),
      A: this.amount(symbol, ask.amount),
    };
  }

  #day(symbol: SimulatedSymbol) {
    const { open, high, low, volume, quoteVolume } = symbol.day();
    return {
      o: this.price(symbol, open),
      h: this.price(symbol, high),
      l: this.price(symbol, low),
      v: this.amount(symbol, volume),
      q: this.price(symbol, quoteVolume),
    };
  }

  #universeObject(symbol: SimulatedSymbol): object {
    return this.#futures ? { ps: pairOf(symbol.name), st: this.#universe } : {};
  }

  #universeFields(symbol: SimulatedSymbol): string {
    return `"ps":"${pairOf(symbol.name)}","st":${this.#universe}`;
  }

  /** A push time, never before the matching time it reports. */
  #after(now: number, matched: number): number {
    return this.time(Math.max(now, matched));
  }
}

/** The pair of a contract: `BTCUSD_PERP` is of `BTCUSD`. */
export function pairOf(symbol: string): string {
  return symbol.split('_')[0] ?? symbol;
}

export function decimalsOf(step: string): number {
  const point = step.indexOf('.');
  return point < 0 ? 0 : step.length - point - 1;
}

/** Pads a decimal with zeros to so many places; one that has more keeps them. */
export function withDecimals(text: string, places: number): string {
  const have = decimalsOf(text);
  if (have >= places) return text;
  return text + (have === 0 && !text.includes('.') ? '.' : '') + '0'.repeat(places - have);
}
