import { parseArgs } from 'node:util';
import { EXCHANGES } from '../src/exchanges/index.ts';
import { DecimalReader } from '../src/record/index.ts';
import { ByteReader, Drift, Reading, ReferenceReader, type Shape } from '../src/shape/index.ts';
import { machine, median, table } from './figures.ts';
import { bybitTrades, eachMessage, floodMessages, type MessageTape, tapeOf } from './tape-of-messages.ts';

/**
 * `npm run bench:shapes`: the byte reader beside the reference reader (JSON.parse and a walk over what it made) and
 * beside JSON.parse alone, on the flood's messages and on Bybit trades. Turns alternate, so that a busy machine hurts
 * all alike; the median of the later half counts, since code is compiled during the first.
 */
const { values } = parseArgs({ options: { turns: { type: 'string', default: '20' } } });
const TURNS = Number(values.turns);
const MESSAGES = 5000;

function shapeOf(exchange: string, name: string): Shape {
  const found = EXCHANGES.find((known) => known.name === exchange)?.shapes.find(
    (shape) => shape.name === name,
  );
  if (found === undefined) throw new Error(`${exchange} has no shape ${name}`);
  return found;
}

const CASES: readonly (readonly [title: string, shape: Shape, messages: readonly string[]])[] = [
  ['Binance trade', shapeOf('binance', 'trade'), floodMessages('trades', MESSAGES)],
  ['Binance diff, 20 levels', shapeOf('binance', 'depthUpdate'), floodMessages('deltas', MESSAGES)],
  ['Binance USD-M diff, 20 levels', shapeOf('binance', 'depthUpdate'), floodMessages('usdm', MESSAGES)],
  ['Binance quote', shapeOf('binance', 'bookTicker'), floodMessages('quotes', MESSAGES)],
  ['Bybit trade', shapeOf('bybit', 'publicTrade'), bybitTrades(MESSAGES)],
];

/** µs a message of each way of reading, by name. */
function measure(shape: Shape, tape: MessageTape): Record<'bytes' | 'reference' | 'parse', number> {
  const bytes = new ByteReader(shape, new Reading(shape), new DecimalReader(), new Drift());
  const reference = new ReferenceReader(shape, new Reading(shape), new DecimalReader(), new Drift());
  let read = 0;
  const ways = {
    bytes: (message: Buffer, start: number, end: number) => {
      if (bytes.read(message, start, end)) read++;
    },
    reference: (message: Buffer, start: number, end: number) => {
      if (reference.read(JSON.parse(message.toString('utf8', start, end)))) read++;
    },
    parse: (message: Buffer, start: number, end: number) => {
      if (JSON.parse(message.toString('utf8', start, end)) !== null) read++;
    },
  };
  const times: Record<keyof typeof ways, number[]> = { bytes: [], reference: [], parse: [] };
  for (let turn = 0; turn < TURNS; turn++)
    for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
      const began = performance.now();
      eachMessage(tape, ways[way]);
      times[way].push(((performance.now() - began) / tape.ends.length) * 1000);
    }
  if (read !== TURNS * tape.ends.length * 3) throw new Error(`${shape.name}: not every message was read`);
  const later = (values: readonly number[]): number => median(values.slice(TURNS / 2));
  return { bytes: later(times.bytes), reference: later(times.reference), parse: later(times.parse) };
}

const rows = CASES.map(([title, shape, messages]) => {
  const { bytes, reference, parse } = measure(shape, tapeOf(messages));
  return [
    title,
    bytes.toFixed(2),
    parse.toFixed(2),
    reference.toFixed(2),
    (parse / bytes).toFixed(1),
    (reference / bytes).toFixed(1),
  ];
});
process.stdout.write(`${machine()}, median of the later half of ${TURNS} turns of ${MESSAGES} messages\n\n`);
process.stdout.write(
  table(
    ['µs a message', 'byte reader', 'JSON.parse', 'reference reader', 'parse / bytes', 'reference / bytes'],
    rows,
  ),
);
