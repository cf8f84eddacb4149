import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BookRule } from './book.ts';
import { TestLink } from './harness.test.ts';

interface Change {
  readonly id: number;
  /** Null: the id moves on and nothing else does. */
  readonly level: { readonly side: 'bid' | 'ask'; readonly price: number; readonly amount: number } | null;
}

/** The truth: every change of a book by update id, and how the exchange would pack them into diffs and REST books. */
class Model {
  readonly #rule: BookRule;
  readonly #changes: Change[] = [];
  #id = 500;
  #sent = 500;

  constructor(rule: BookRule) {
    this.#rule = rule;
  }

  change(level: Change['level'], step: number): void {
    this.#id += this.#rule === 'spot' ? 1 : step;
    this.#changes.push({ id: this.#id, level });
  }

  /** The diff of everything since the last one. */
  diff(): { U: number; u: number; b: unknown[]; a: unknown[] } {
    const since = this.#changes.filter(({ id }) => id > this.#sent);
    const latest = new Map<string, unknown>();
    for (const { level } of since)
      if (level !== null)
        latest.set(`${level.side} ${level.price}`, [`${level.price}.0`, `${level.amount}.0`]);
    const side = (name: string) =>
      [...latest].filter(([key]) => key.startsWith(name)).map(([, pair]) => pair);
    const previous = this.#sent;
    this.#sent = this.#id;
    const ids = { U: since[0]?.id ?? this.#id, u: this.#id };
    const levels = { b: side('bid'), a: side('ask') };
    return this.#rule === 'spot' ? { ...ids, ...levels } : { ...ids, ...{ pu: previous }, ...levels };
  }

  /** The book after the change `id`. */
  at(id: number): Record<'bid' | 'ask', Map<number, number>> {
    const book = { bid: new Map<number, number>(), ask: new Map<number, number>() };
    for (const change of this.#changes) {
      if (change.id > id || change.level === null) continue;
      const { side, price, amount } = change.level;
      if (amount === 0) book[side].delete(price);
      else book[side].set(price, amount);
    }
    return book;
  }

  /** A REST book as of `back` changes ago. */
  rest(back: number): object {
    const last = this.#changes.at(-1 - back)?.id ?? 500;
    const { bid, ask } = this.at(last);
    const side = (levels: Map<number, number>) =>
      [...levels].map(([price, amount]) => [`${price}`, `${amount}`]);
    return { lastUpdateId: last, bids: side(bid), asks: side(ask) };
  }
}

const change = fc.record({
  side: fc.constantFrom('bid' as const, 'ask' as const),
  price: fc.integer({ min: 1, max: 12 }),
  amount: fc.integer({ min: 0, max: 9 }),
});

/** `snapshotThenDiff` is what a healthy exchange comes to in the end. */
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('diff' as const),
      changes: fc.array(fc.option(change), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('hole' as const),
      changes: fc.array(fc.option(change), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), back: fc.nat({ max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('rest' as const),
      back: fc.nat({ max: 6 }),
      unsent: fc.array(fc.option(change), { maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('error' as const), status: fc.constantFrom(0, 200, 429, 503) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const MARKET = { spot: 'spot', futures: 'usdm' } as const;
const DEPTH_URL = {
  spot: 'https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000',
  futures: 'https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000',
} as const;

function keeperOf(link: TestLink): { valid: boolean; sequence: number } {
  const { books } = link.decoder.state() as unknown as {
    books: { keeper: { valid: boolean; sequence: number } }[];
  };
  return books[0]?.keeper ?? { valid: false, sequence: Number.NaN };
}

/** Plays actions against the decoder; after each, the book is the model's or says that it is none. */
function play(rule: BookRule, actions: readonly Action[]): { model: Model; link: TestLink; holes: number } {
  const model = new Model(rule);
  let link = new TestLink(MARKET[rule]);
  const sent: object[] = [];
  let newest = 0;
  let holes = 0;
  const deliver = (diff: object) => {
    const payload = { e: 'depthUpdate', E: 1, s: 'BTCUSDT', ...diff };
    link.data('btcusdt@depth@100ms', payload);
    newest = Math.max(newest, (diff as { u: number }).u);
  };
  for (const act of actions) {
    if (act.do === 'diff' || act.do === 'hole') {
      for (const level of act.changes) model.change(level, 1 + (level?.price ?? 0));
      const diff = model.diff();
      sent.push(diff);
      if (act.do === 'diff') deliver(diff);
      else holes++;
    } else if (act.do === 'again') {
      const old = sent.at(-1 - act.back);
      if (old !== undefined && (old as { u: number }).u <= newest) deliver(old);
    } else if (act.do === 'rest') {
      for (const level of act.unsent) model.change(level, 2);
      link.rest(DEPTH_URL[rule], model.rest(act.back));
    } else if (act.do === 'error') {
      link.rest(DEPTH_URL[rule], '{"code":-1003,"msg":"Too many requests"}', act.status);
    } else {
      const state = JSON.parse(JSON.stringify(link.decoder.state()));
      const next = new TestLink(MARKET[rule], { state, ordinal: link.ordinal });
      next.rows.push(...link.rows);
      next.broken.push(...link.broken);
      link = next;
    }
    const keeper = keeperOf(link);
    const rebuilt = link.rebuilt('BTCUSDT');
    assert.equal(rebuilt !== null, keeper.valid);
    if (rebuilt !== null) assert.deepEqual(sorted(rebuilt), sorted(model.at(keeper.sequence)));
    if (keeper.valid) assert.ok(keeper.sequence >= newest, `at ${keeper.sequence}, heard ${newest}`);
  }
  return { model, link, holes };
}

function sorted(book: Record<'bid' | 'ask', Map<number, number>>) {
  return (['bid', 'ask'] as const).map((side) => [...book[side]].sort((a, b) => a[0] - b[0]));
}

for (const rule of ['spot', 'futures'] as const) {
  test(`${rule}: under holes, repeats, late, early and failing snapshots a book is the model's or invalid`, () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const { model, link } = play(rule, actions);
        model.change({ side: 'bid', price: 3, amount: 7 }, 3);
        link.data('btcusdt@depth@100ms', { e: 'depthUpdate', E: 1, s: 'BTCUSDT', ...model.diff() });
        link.rest(DEPTH_URL[rule], model.rest(0));
        assert.ok(keeperOf(link).valid, 'a fresh snapshot always joins');
      }),
      { numRuns: 300 },
    );
  });

  test(`${rule}: without a hole there is no gap`, () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        // A snapshot from before the chain and then nothing older than it in the chain is a late start, not a hole.
        const whole = actions.filter(
          (act) => act.do === 'diff' || act.do === 'again' || act.do === 'restart',
        );
        const fresh = { do: 'rest' as const, back: 0, unsent: [] };
        const { link } = play(rule, [...whole, fresh, ...whole]);
        assert.deepEqual(link.broken, []);
      }),
      { numRuns: 200 },
    );
  });
}
