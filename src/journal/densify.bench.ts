import { constants } from 'node:zlib';
import { compress, LIVE_SEARCH, type Search } from './block.ts';
import { seeded } from './crash-disk.ts';
import { DENSE_SEARCHES } from './densify.ts';

/*
 * Bytes and CPU of a message, by zstd's parameters and the size of a block:
 *
 *     node src/journal/densify.bench.ts [messages]
 *
 * The samples: trades of one symbol (190 bytes; random-walk prices, log-normal amounts, ids and ordinals rising by one)
 * read from the socket some at a time, or many, with times in µs or ms; books of 20 levels; and both of a hundred symbols, mixed.
 */
const count = Number(process.argv[2] ?? 20_000);

function sampler(seed: number): {
  random: () => number;
  normal: () => number;
  amount: (digits: number) => string;
} {
  const random = seeded(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return { random, normal, amount: (digits) => (Math.exp(normal() * 1.6 - 5.5) + 0.00001).toFixed(digits) };
}

const START = 1_780_000_000_000_000;

/**
 * @param perRead messages that one read of the socket brings, on average: they share a receive time
 * @param unit of the exchange's times, µs: Binance sends 1 on spot, where asked, and 1000 elsewhere
 */
function trades(messages: number, perRead: number, unit = 1): string[] {
  const { random, normal, amount } = sampler(7);
  let price = 6_712_345;
  let [time, received, left] = [START, START, 0];
  return Array.from({ length: messages }, (_, i) => {
    if (random() < 0.4) price += Math.round(normal() * 3);
    time += Math.floor(-Math.log(1 - random()) * 900);
    const event = time + 200 + Math.floor(random() * 900);
    if (left-- <= 0) {
      left = Math.floor(-Math.log(1 - random()) * perRead);
      received = Math.max(received + 1, event + 1500 + Math.floor(random() * 300));
    }
    return `${received} 12 ${i + 4} < {"stream":"btcusdt@trade","data":{"e":"trade","E":${Math.floor(event / unit)},"s":"BTCUSDT","t":${4_812_345_678 + i},"p":"${(price / 100).toFixed(8)}","q":"${amount(8)}","T":${Math.floor(time / unit)},"m":${random() < 0.5},"M":true}}\n`;
  });
}

function books(messages: number): string[] {
  const { random, normal, amount } = sampler(9);
  let price = 6_712_345;
  let [time, id] = [START, 54_812_345_678];
  const side = (step: number): string => {
    let at = price + step;
    return Array.from({ length: 10 }, () => {
      const level = `["${(at / 100).toFixed(8)}","${random() < 0.25 ? '0.00000000' : `${amount(5)}000`}"]`;
      at += step * Math.ceil(-Math.log(1 - random()) * 30);
      return level;
    }).join(',');
  };
  return Array.from({ length: messages }, (_, i) => {
    price += Math.round(normal() * 20);
    time += 100_000 + Math.floor(random() * 900);
    const first = id + 1;
    id += 20 + Math.floor(random() * 60);
    return `${time + 1700} 13 ${i + 4} < {"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":${time},"s":"BTCUSDT","U":${first},"u":${id},"b":[${side(-1)}],"a":[${side(1)}]}}\n`;
  });
}

function mixed(messages: number): string[] {
  const random = seeded(5);
  const lines = trades(messages, 3).flatMap((line, i) =>
    i % 10 === 0 ? [line, bookLines[i / 10] ?? ''] : [line],
  );
  return lines.map((line) => {
    const symbol = `${'ABCDEFGHIJKLMNOPQRST'[Math.floor(random() * 20)]}${'VWXYZ'[Math.floor(random() * 5)]}CUSDT`;
    return line.replaceAll('BTCUSDT', symbol).replaceAll('btcusdt', symbol.toLowerCase());
  });
}

const bookLines = books(Math.ceil(count / 10));
const samples = {
  'trades, 3 a read': trades(count, 3),
  'trades, 300 a read': trades(count, 300),
  'trades in ms, 3 a read': trades(count, 3, 1000),
  'books of 20 levels': bookLines,
  'a hundred symbols': mixed(count),
};

const level = (value: number): Search => ({ [constants.ZSTD_c_compressionLevel]: value });
const SEARCHES: readonly (readonly [string, Search, number])[] = [
  ['level -1', level(-1), 1],
  ['level 1', level(1), 1],
  ['level 3', level(3), 8],
  ['level 9', level(9), 8],
  ['live: near places only', LIVE_SEARCH, 0.25],
  ['live: near places only', LIVE_SEARCH, 1],
  ['live: near places only', LIVE_SEARCH, 4],
  ['dense, first', DENSE_SEARCHES[0] ?? {}, 2],
  ['dense, first', DENSE_SEARCHES[0] ?? {}, 8],
  ['dense, first, window 8 MiB', { ...DENSE_SEARCHES[0], [constants.ZSTD_c_windowLog]: 23 }, 8],
  ['dense, second', DENSE_SEARCHES[1] ?? {}, 2],
  [
    'btopt, near',
    {
      ...DENSE_SEARCHES[1],
      [constants.ZSTD_c_strategy]: constants.ZSTD_btopt,
      [constants.ZSTD_c_targetLength]: 256,
    },
    2,
  ],
];

/** Bytes and µs a message; the best of three. */
function measure(lines: readonly string[], search: Search, mebibytes: number): string {
  const text = Buffer.from(lines.join(''));
  let [bytes, best] = [0, Number.POSITIVE_INFINITY];
  for (let turn = 0; turn < 3; turn++) {
    bytes = 0;
    const start = process.cpuUsage();
    for (let at = 0; at < text.length; at += mebibytes * 2 ** 20)
      bytes += 64 + compress(text.subarray(at, at + mebibytes * 2 ** 20), search).length;
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, user + system);
  }
  return `${(bytes / lines.length).toFixed(2)} B ${(best / lines.length).toFixed(2)} µs`;
}

const print = (cells: readonly string[]): boolean => process.stdout.write(`| ${cells.join(' | ')} |\n`);
print(['search', 'block MiB', ...Object.keys(samples)]);
print(Array.from({ length: 2 + Object.keys(samples).length }, () => '---'));
for (const [name, search, mebibytes] of SEARCHES)
  print([
    name,
    String(mebibytes),
    ...Object.values(samples).map((lines) => measure(lines, search, mebibytes)),
  ]);
