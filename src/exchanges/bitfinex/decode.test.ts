import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bookLink, TestLink } from './harness.test.ts';

/** Flags that a recorder wants: TIMESTAMP, SEQ_ALL, OB_CHECKSUM. */
const WANTED = 229_376;
const SEQUENCED = 65_536;

test('each break in the count is said once, distrusts every book, and asks for a new connection', () => {
  const link = bookLink(SEQUENCED);
  link.receive('[1,[[100,1,1]],1]');
  assert.equal(link.receive('[1,[101,1,-1],3]'), 'held');
  assert.equal(link.rebuilt('tBTCUSD'), null);
  assert.deepEqual(link.requests, [{ kind: 'reconnect', reason: 'expected sequence 2, got 3' }]);
  link.receive('[1,"hb",4]');
  assert.equal(link.breaches.length, 1);
  link.receive('[1,"hb",4]');
  assert.equal(link.breaches.length, 2, 'a number that comes twice is a break too');
  const late = bookLink(SEQUENCED);
  late.receive('[1,"hb",2]');
  assert.equal(late.breaches[0]?.breach.fromSequence, 0, 'the first number is 1');
});

test('numbers that begin in the middle of a connection are taken from where they begin', () => {
  const link = new TestLink();
  link.receive('[5,"hb"]');
  link.receive({ event: 'conf', status: 'OK', flags: SEQUENCED });
  link.receive('[5,"hb",40]');
  link.receive('[5,"hb",41]');
  assert.deepEqual(link.breaches, []);
  link.receive('[5,"hb",43]');
  assert.equal(link.breaches.length, 1);
});

test('a checksum or heartbeat that carries a time but no number breaks nothing', () => {
  const link = bookLink(WANTED);
  link.receive('[1,[[100,1,1]],1,1590596820150]');
  link.receive('[1,"cs",5,1590596820151]');
  link.receive('[1,"hb",1590596820152]');
  link.receive('[1,[100,2,1],2,1590596820153]');
  assert.deepEqual(link.breaches, []);
});

test('without a confirmed flag a number behind the payload means nothing, and a refused conf confirms none', () => {
  for (const conf of [null, { event: 'conf', status: 'FAILED', flags: WANTED }]) {
    const link = new TestLink();
    if (conf !== null) link.receive(conf);
    link.receive({ event: 'subscribed', channel: 'book', chanId: 1, symbol: 'tBTCUSD' });
    link.receive('[1,[[100,1,1]],40,1590596820150]');
    link.receive('[1,[99,1,1],50,1590596820151]');
    assert.deepEqual(
      link.table('book').map((row) => [row.sequence, row.timestamp]),
      [
        [null, null],
        [null, null],
        [null, null],
      ],
    );
    assert.deepEqual(link.breaches, []);
  }
});

test('a heartbeat or checksum that grows at its end, and a type nobody knows, are still counted', () => {
  const link = bookLink(WANTED);
  link.receive('[1,"hb",1,1590596820150,null]');
  link.receive('[1,"cs",5,2,1590596820150,null]');
  link.receive('[1,"zz",3,1590596820150]');
  link.receive('[1,"zz",{"new":1},4,1590596820150]');
  link.receive('[1,"hb",5,1590596820150]');
  assert.equal((link.state() as { routing: { sequence: number } }).routing.sequence, 5);
  assert.equal(link.breaches.filter(({ breach }) => breach.cause === 'sequence').length, 0);
});

/** The same array, written and ended in ways that are not usual. */
const SPELLINGS: readonly ((id: number, rest: string, tail: string) => string)[] = [
  (id, rest, tail) => ` [${id},${rest},${tail}]`,
  (id, rest, tail) => `[${id}, ${rest},${tail}]`,
  (id, rest, tail) => `[${id}.0,${rest},${tail}] `,
  (id, rest, tail) => `[${id},${rest.replaceAll('[', '[ ').replaceAll(']', ' ]')} , ${tail}]`,
  (id, rest, tail) => `[${id},${rest.replace('"te"', '"t\\u0065"')},${tail}]`,
  (id, rest, tail) => `[${id},${rest},${tail},{"new":1}]`,
  (id, rest, tail) => `[${id},${rest},${tail.replace(/,(\d+)$/, ',"$1"')}]`,
];

test('white space, other spellings and an odd end change nothing: an array gives what it gives in its usual form', () => {
  const payloads: readonly (readonly [number, string])[] = [
    [1, '[[100,1,1.5],[101,2,-3]]'],
    [1, '[101,0,-1]'],
    [1, '[]'],
    [1, '"hb"'],
    [1, '"cs",5'],
    [2, '"te",[7,1590593199934,-0.5,9135.5]'],
    [2, '[[8,1590593199935,0.5,9135.5],[7,1590593199934,-0.5,9135.5]]'],
    [2, '[]'],
    [2, '"fte",[1,2,3]'],
    [3, '[1,2,3,4,5,6,7,8,9,10]'],
    [3, '[1,2,3]'],
    [4, '[1,2,3]'],
    [9, '[1,2,3]'],
  ];
  const play = (spell: (id: number, rest: string, tail: string) => string) => {
    const link = bookLink(WANTED);
    link.receive({ event: 'subscribed', channel: 'trades', chanId: 2, symbol: 'tBTCUSD' });
    link.receive({ event: 'subscribed', channel: 'ticker', chanId: 3, symbol: 'tBTCUSD' });
    link.receive({ event: 'subscribed', channel: 'candles', chanId: 4, key: 'trade:1m:tBTCUSD' });
    const outcomes = payloads.map(([id, rest], n) =>
      link.receive(spell(id, rest, `${n + 1},${1590596820150 + n}`)),
    );
    return { outcomes, rows: link.rows, breaches: link.breaches, heard: link.heard, state: link.state() };
  };
  const usual = play((id, rest, tail) => `[${id},${rest},${tail}]`);
  assert.equal(usual.rows.filter(({ table }) => table === 'trades').length, 2);
  for (const spell of SPELLINGS) assert.deepEqual(play(spell), usual, spell(1, '"te"', '2,1590596820150'));
});

test('an end of which nothing can be read is no reason to lose the payload', () => {
  for (const end of ['{"new":1}', '"x"', '-5', '1.5', 'true', '[1]', '1590596820150.25']) {
    const link = bookLink(WANTED);
    link.receive('[1,[[100,1,1]],1,1590596820150]');
    assert.equal(link.receive(`[1,[100,2,2],${end}]`), 'rows', end);
    assert.equal(link.table('book').at(-1)?.amount, 2, end);
    assert.deepEqual(link.breaches, [], end);
  }
});

test('of a trades snapshot with something in it that is no trade nothing is written', () => {
  for (const odd of [
    '[8,1590593199935,0,9135.5]',
    '["8",1590593199935,1,9135.5]',
    '[8,1590593199935,1]',
    '8',
  ]) {
    const link = new TestLink();
    link.receive({ event: 'subscribed', channel: 'trades', chanId: 2, symbol: 'tBTCUSD' });
    assert.equal(link.receive(`[2,[[9,1590593199936,1,9135.5],${odd}]]`), 'undecoded', odd);
    assert.equal(link.table('trades').length, 0, odd);
  }
});

test('a ticker whose low price is null is one; where its place is missing it is none', () => {
  const link = new TestLink();
  link.receive({ event: 'subscribed', channel: 'ticker', chanId: 3, symbol: 'tBTCUSD' });
  assert.equal(link.receive('[3,[1,2,3,4,5,6,7,8,null,null]]'), 'rows');
  assert.equal(link.receive('[3,[1,2,3,4,5,6,7,8,9]]'), 'undecoded');
  assert.deepEqual(
    link.table('tickers').map((row) => [row.last_price, row.volume, row.high_price, row.low_price]),
    [[7, 8, null, null]],
  );
});

test('no array in its usual form is parsed', (t) => {
  const link = bookLink(WANTED);
  link.receive({ event: 'subscribed', channel: 'trades', chanId: 2, symbol: 'tBTCUSD' });
  link.receive({ event: 'subscribed', channel: 'ticker', chanId: 3, symbol: 'tBTCUSD' });
  link.receive({ event: 'subscribed', channel: 'book', chanId: 4, symbol: 'tBTCUSD', prec: 'R0' });
  const parse = t.mock.method(JSON, 'parse');
  const outcomes = [
    '[1,[[100,1,1],[7e-7,2,43.358118629999986],[101,1,-1]],1,1590596820150]',
    '[1,[100,2,1.5],2,1590596820150]',
    '[1,[101,0,-1],3,1590596820150]',
    '[1,"cs",-1175357890,4,1590596820150]',
    '[1,"hb",5,1590596820150]',
    '[2,[[7,1590593199934,-0.5,9135.5]],6,1590596820150]',
    '[2,"te",[8,1590593199934,0.00705845,10087.98969503],7,1590596820150]',
    '[2,"tu",[8,1590593199934,0.00705845,10087.98969503],8,1590596820150]',
    '[3,[71800,7.47322491,71847,6.16257014,671,0.00942826,71840,1393.02703679,73198,70493,null],9,1590596820150]',
    '[4,[45761787004,9170,-0.06039856],10,1590596820150]',
    '[99,"hb",11,1590596820150]',
    '[99,[1],12,1590596820150]',
  ].map((text) => link.receive(text));
  assert.deepEqual(outcomes, [
    ...(['rows', 'rows', 'rows', 'control', 'control', 'rows', 'rows', 'repeat', 'rows'] as const),
    ...(['undecoded', 'control', 'undecoded'] as const),
  ]);
  assert.equal(parse.mock.callCount(), 0);
  assert.deepEqual(link.breaches, []);
});

test('quotes are read from P0 books alone', () => {
  const link = bookLink(0, {}, { prec: 'P1', subId: 'both|tBTCUSD|P1|F0|25' });
  link.receive('[1,[[100,1,1]]]');
  assert.equal(link.table('quotes').length, 0);
  assert.equal(link.table('book').length, 2);
});

test('a channel that takes over a book goes on with its steps, and the state says which of them is live', () => {
  const link = bookLink(0);
  link.receive('[1,[[100,1,1]]]');
  const again = { event: 'subscribed', channel: 'book', symbol: 'tBTCUSD' };
  link.receive({ ...again, chanId: 2, subId: 'both|tBTCUSD|P0|F0|25' });
  link.receive('[2,[[101,1,1]]]');
  const steps = link.table('book').map(({ step }) => step);
  assert.deepEqual(steps, [1, 1, 2, 3, 3]);
  const after = new TestLink({ state: link.state() });
  assert.equal(after.receive('[1,[102,1,1]]'), 'held');
  assert.equal(after.receive('[2,[100,1,1]]'), 'rows');
  assert.deepEqual(
    after.table('book').map(({ step }) => step),
    [4],
  );
});

test('a book waiting for its snapshot is not kept from being silent by heartbeats; a valid one is', () => {
  const link = bookLink(0);
  link.receive('[1,"hb"]');
  assert.deepEqual(link.heard, []);
  link.receive('[1,[[100,1,1]]]');
  link.receive('[1,"hb"]');
  assert.deepEqual(link.heard, ['book P0.F0.25 tBTCUSD', 'book P0.F0.25 tBTCUSD']);
});

test('invalidating quotes or book distrusts both, asks for their channel, and a closed link asks for nothing', () => {
  for (const channel of ['book', 'quotes'] as const) {
    const both = { subId: 'both|tBTCUSD|P0|F0|25' };
    const link = bookLink(0, {}, both);
    link.receive('[1,[[100,1,1]]]');
    link.event((decoder) => decoder.invalidate(link.codeOf(channel, 'P0.F0.25', 'tBTCUSD')));
    assert.equal(link.rebuilt('tBTCUSD'), null);
    assert.deepEqual(
      link.breaches.map(({ stream }) => stream),
      ['book P0.F0.25 tBTCUSD', 'quotes P0.F0.25 tBTCUSD'],
    );
    const [request] = link.requests;
    assert.ok(request?.kind === 'send' && request.texts[1]?.includes(both.subId));
    link.event((decoder) => decoder.invalidate(link.codeOf(channel, 'P0.F0.25', 'tBTCUSD')));
    assert.equal(link.requests.length, 1, 'asked once');
    link.receive({ event: 'unsubscribed', status: 'OK', chanId: 1 });
    link.receive({ event: 'subscribed', channel: 'book', chanId: 2, symbol: 'tBTCUSD', ...both });
    link.receive('[2,[[100,1,1]]]');
    assert.equal(link.table('quotes').length, 2, 'after a break the top is told anew');
  }
  const closed = bookLink(0);
  closed.receive('[1,[[100,1,1]]]');
  closed.event((decoder) => decoder.invalidate(null));
  assert.equal(closed.rebuilt('tBTCUSD'), null);
  assert.deepEqual(closed.requests, []);
});

test('an exception is blamed on the book before its quotes', () => {
  const link = bookLink(0, {}, { subId: 'both|tBTCUSD|P0|F0|25' });
  link.receive('[1,[[100,1,1]]]');
  assert.deepEqual(link.heard, ['quotes P0.F0.25 tBTCUSD', 'book P0.F0.25 tBTCUSD']);
});

test('a file opens with each valid book, and the steps begin again', () => {
  const link = bookLink(0);
  link.receive('[1,[[100,1,1],[101,1,-2]]]');
  link.receive('[1,[99,1,3]]');
  const before = link.rows.length;
  link.event((decoder) => decoder.openingSnapshots());
  link.receive('[1,[98,1,3]]');
  assert.deepEqual(
    link.rows
      .slice(before)
      .map(({ origin, step, side, price, amount }) => [origin, step, side, price, amount]),
    [
      ['ours', 1, null, null, null],
      ['ours', 1, 'bid', 100, 1],
      ['ours', 1, 'bid', 99, 3],
      ['ours', 1, 'ask', 101, 2],
      ['feed', 2, 'bid', 98, 3],
    ],
  );
});

test('no bytes make the decoder throw, and each frame is counted once', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      1,
      2,
      'hb',
      'cs',
      'te',
      'tu',
      'fte',
      [],
      [[1, 1, 1]],
      [1, 1, 1],
      null,
      1e300,
      -1,
    ),
    fc.jsonValue(),
  );
  const text = fc.oneof(
    fc.array(value, { maxLength: 5 }).map((items) => JSON.stringify(items)),
    fc.tuple(fc.constantFrom(1, 2, 3), value, value, value).map((items) => JSON.stringify(items)),
    fc
      .record({
        event: fc.constantFrom('info', 'conf', 'subscribed', 'unsubscribed', 'error', 'pong'),
        channel: value,
        symbol: value,
        chanId: value,
        status: value,
        flags: value,
        code: value,
        prec: value,
      })
      .map((event) => JSON.stringify(event)),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
      const link = bookLink(0);
      link.receive({ event: 'subscribed', channel: 'trades', chanId: 2, symbol: 'tBTCUSD' });
      link.receive({ event: 'subscribed', channel: 'ticker', chanId: 3, symbol: 'tBTCUSD' });
      for (const one of texts) link.receive(one);
      const counted = Object.values(link.outcomes).reduce((sum, count) => sum + count, 0);
      assert.equal(counted, texts.length + 4);
      assert.doesNotThrow(() => new TestLink({ state: link.state() }));
    }),
    { numRuns: 400 },
  );
});
