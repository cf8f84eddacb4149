import { corpusTrades, type TradeStream, type TradeText } from './corpus-trades.ts';
import { median, table } from './figures.ts';
import { Script } from './flood/script.ts';

/**
 * Is the flood easier to compress than life? Prints entropy estimates of each field of its trades beside those of
 * captured trades, from the directory that `FEEDTAPE_CORPUS` names.
 *
 * Order-0 entropies of few samples are far too low, so the flood is cut into stretches as long as the capture, and
 * its median stretch is compared: both are too low by the same.
 *
 *     FEEDTAPE_CORPUS=… node bench/entropy.ts
 */

/** Shorter streams say nothing. */
const TRADES_MIN = 30;
const FLOOD_TRADES = 50_000;

/** Bits of one value, from how often each occurs. */
function bits(values: readonly (number | string)[]): number {
  const counts = new Map<number | string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let sum = 0;
  for (const count of counts.values()) sum -= (count / values.length) * Math.log2(count / values.length);
  return sum;
}

/** Bits of one value where the one before is known. */
function bitsAfterOne(values: readonly (number | string)[]): number {
  const pairs = values.slice(1).map((value, index) => `${values[index]} ${value}`);
  return bits(pairs) - bits(values.slice(0, -1));
}

function differences(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] ?? 0));
}

/** Moves of the price in units of its smallest decimal; entropy does not care whether a tick is one or five of them. */
function priceMoves(trades: readonly TradeText[]): number[] {
  const decimals = Math.max(...trades.map(({ price }) => (/\.(\d*?)0*$/.exec(price)?.[1] ?? '').length));
  return differences(trades.map(({ price }) => Math.round(Number(price) * 10 ** decimals)));
}

/** Each column of the result: how much there is to keep, or a share that says how it behaves. */
const MEASURES: Readonly<Record<string, (trades: readonly TradeText[]) => number>> = {
  'price move, bits': (trades) => bits(priceMoves(trades)),
  'same price': (trades) => priceMoves(trades).filter((move) => move === 0).length / (trades.length - 1),
  'size, bits': (trades) => bits(trades.map(({ amount }) => Number(amount))),
  'size, digits': (trades) =>
    trades.reduce((sum, { amount }) => sum + amount.replace('.', '').replace(/^0+|0+$/g, '').length, 0) /
    trades.length,
  'time gap in ms, bits': (trades) => bits(differences(trades.map(({ time }) => Math.floor(time / 1000)))),
  'same time': (trades) =>
    differences(trades.map(({ time }) => time)).filter((gap) => gap === 0).length / (trades.length - 1),
  'side after side, bits': (trades) => bitsAfterOne(trades.map(({ buy }) => String(buy))),
  'push delay in ms, bits': (trades) =>
    bits(trades.flatMap(({ pushDelay }) => (pushDelay === null ? [] : [Math.floor(pushDelay / 1000)]))),
};

function floodTrades(): TradeText[] {
  const trades: TradeText[] = [];
  for (const { data } of new Script('trades', { messages: 1_000_000 }).messages()) {
    const { p, q, T, E, m } = JSON.parse(data) as { p: string; q: string; T: number; E: number; m: boolean };
    trades.push({ price: p, amount: q, time: T, buy: !m, pushDelay: E - T });
    if (trades.length === FLOOD_TRADES) break;
  }
  return trades;
}

/** The median over the flood's stretches of a capture's length. */
function ofStretches(
  trades: readonly TradeText[],
  length: number,
  measure: (of: readonly TradeText[]) => number,
): number {
  const values: number[] = [];
  for (let start = 0; start + length <= trades.length; start += 10 * length)
    values.push(measure(trades.slice(start, start + length)));
  return median(values);
}

const flood = floodTrades();

function row({ name, trades }: TradeStream): string[] {
  const cells = Object.values(MEASURES).map((measure) => {
    const life = measure(trades);
    const ours = ofStretches(flood, trades.length, measure);
    return `${life.toFixed(2)} : ${ours.toFixed(2)}`;
  });
  return [name, String(trades.length), ...cells];
}

const directory = process.env.FEEDTAPE_CORPUS ?? '';
if (directory === '') {
  process.stdout.write('FEEDTAPE_CORPUS names no directory of captures: the flood alone, life is not here\n');
  const cells = Object.values(MEASURES).map((measure) => ofStretches(flood, 100, measure).toFixed(2));
  process.stdout.write(table(['', 'trades', ...Object.keys(MEASURES)], [['flood', '100', ...cells]]));
} else {
  const streams = corpusTrades(directory).filter(({ trades }) => trades.length >= TRADES_MIN);
  process.stdout.write('life : flood\n\n');
  process.stdout.write(table(['', 'trades', ...Object.keys(MEASURES)], streams.map(row)));
}
