import { parseArgs } from 'node:util';
import { OrderBook } from '../src/book/index.ts';
import { machine, median, table } from './figures.ts';
import { floodMessages } from './tape-of-messages.ts';

/**
 * `npm run bench:books`: the book of sorted typed arrays beside two others that a book could be, a Map that is searched
 * for its best price and a sorted array of objects, on the flood's diffs and on a book of 1000 levels a side. After
 * each message the best bid and ask are asked for, as a quote or a check of a crossed book does.
 */
const { values } = parseArgs({ options: { turns: { type: 'string', default: '20' } } });
const TURNS = Number(values.turns);
const MESSAGES = 3000;
const LEVELS = 1000;

type Side = 'bid' | 'ask';
interface Change {
  readonly side: Side;
  readonly price: number;
  readonly amount: number;
}

/** What all three do. */
interface Book {
  apply(side: Side, price: number, amount: number): void;
  best(side: Side): number;
}

class TypedArrays implements Book {
  readonly #book = new OrderBook();

  apply(side: Side, price: number, amount: number): void {
    this.#book.apply(side, price, amount);
  }

  best(side: Side): number {
    return this.#book.side(side).price(0);
  }
}

class SearchedMap implements Book {
  readonly #sides = { bid: new Map<number, number>(), ask: new Map<number, number>() };

  apply(side: Side, price: number, amount: number): void {
    if (amount === 0) this.#sides[side].delete(price);
    else this.#sides[side].set(price, amount);
  }

  best(side: Side): number {
    let best = side === 'bid' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    for (const price of this.#sides[side].keys())
      if (side === 'bid' ? price > best : price < best) best = price;
    return best;
  }
}

class SortedObjects implements Book {
  readonly #sides: Record<Side, { price: number; amount: number }[]> = { bid: [], ask: [] };

  apply(side: Side, price: number, amount: number): void {
    const levels = this.#sides[side];
    let low = 0;
    let high = levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = levels[middle]?.price ?? Number.NaN;
      if (side === 'bid' ? at < price : at > price) low = middle + 1;
      else high = middle;
    }
    const found = levels[low];
    if (found?.price !== price) {
      if (amount !== 0) levels.splice(low, 0, { price, amount });
    } else if (amount === 0) levels.splice(low, 1);
    else found.amount = amount;
  }

  best(side: Side): number {
    return this.#sides[side].at(-1)?.price ?? Number.NaN;
  }
}

function changesOf(message: string): Change[] {
  const { data } = JSON.parse(message) as { data: Record<'a' | 'b', [string, string][]> };
  const of = (side: Side, levels: readonly [string, string][]): Change[] =>
    levels.map(([price, amount]) => ({ side, price: Number(price), amount: Number(amount) }));
  return [...of('bid', data.b), ...of('ask', data.a)];
}

const messages = floodMessages('deltas', MESSAGES).map(changesOf);
const mid = messages[0]?.[0]?.price ?? 0;
const books: readonly (readonly [string, () => Book])[] = [
  ['sorted typed arrays, best at the end (ours)', () => new TypedArrays()],
  ['Map, searched for its best', () => new SearchedMap()],
  ['sorted array of objects, best at the end', () => new SortedObjects()],
];
const times = books.map((): number[] => []);
const ends = new Set<string>();
for (let turn = 0; turn < TURNS; turn++)
  for (const [index, [, make]] of books.entries()) {
    const book = make();
    for (let n = 1; n <= LEVELS; n++) {
      book.apply('bid', mid - n / 100, 1);
      book.apply('ask', mid + n / 100, 1);
    }
    let sum = 0;
    const began = performance.now();
    for (const changes of messages) {
      for (const { side, price, amount } of changes) book.apply(side, price, amount);
      sum += book.best('bid') + book.best('ask');
    }
    times[index]?.push(((performance.now() - began) / MESSAGES) * 1000);
    ends.add(sum.toFixed(3));
  }
if (ends.size !== 1) throw new Error(`the books disagree: ${[...ends].join(', ')}`);

process.stdout.write(`${machine()}, ${LEVELS} levels a side, ${MESSAGES} messages of 20 levels\n\n`);
const rows = books.map(([title], index) => [title, median(times[index]?.slice(TURNS / 2) ?? []).toFixed(2)]);
process.stdout.write(table(['a message of 20 levels, and both best prices', 'µs'], rows));
