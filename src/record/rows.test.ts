import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type RowObject, Rows, rowObject, textFrame } from './index.ts';

function collected(flushRows = 2048): { rows: Rows; out: RowObject[] } {
  const out: RowObject[] = [];
  const rows = new Rows((batch, streams) => {
    for (let i = 0; i < batch.count; i++) out.push(rowObject(batch, i, streams, 'x'));
  }, flushRows);
  return { rows, out };
}

test('a batch grows within a frame, is flushed between frames, and loses nothing', () => {
  const { rows, out } = collected(10);
  const stream = rows.streams.code('spot', 'trades', 'trade', 'BTC');
  for (let frame = 1; frame <= 3; frame++) {
    rows.at(textFrame(frame, 7, frame, 'received', ''));
    for (let i = 0; i < 5000; i++) rows.trade(stream, Number.NaN, `${frame}-${i}`, 'sell', i, 1);
  }
  assert.equal(out.length, 10_000, 'the present frame is never flushed');
  rows.flush();
  assert.equal(out.length, 15_000);
  assert.equal(rows.made.trades, 15_000);
  const { id, side, timestamp, local_timestamp, link, frame, row } = out[14_999] as RowObject;
  assert.deepEqual(
    [id, side, timestamp, local_timestamp, link, frame, row],
    ['3-4999', 'sell', null, 3, 7, 3, 4999],
  );
});

test('rollback takes back the present frame alone', () => {
  const { rows, out } = collected();
  const stream = rows.streams.code('spot', 'quotes', 'bbo', 'BTC');
  rows.at(textFrame(1, 1, 1, 'received', ''));
  rows.quote(stream, 1, 1, 1, 2, 1);
  rows.at(textFrame(2, 1, 2, 'received', ''));
  rows.quote(stream, 2, 9, 9, 9, 9);
  rows.rollback();
  rows.quote(stream, 2, 3, 1, 4, 1);
  rows.flush();
  assert.deepEqual(
    out.map((quote) => [quote.frame, quote.row, quote.bid_price]),
    [
      [1, 0, 1],
      [2, 0, 3],
    ],
  );
  assert.equal(rows.made.quotes, 2);
});

test('rows within an earlier position name that frame, and the present one goes on counting', () => {
  const { rows, out } = collected();
  const stream = rows.streams.code('spot', 'quotes', 'bbo', 'BTC');
  rows.at(textFrame(1, 1, 1, 'received', ''));
  const held = rows.position();
  rows.at(textFrame(2, 1, 2, 'received', ''));
  rows.quote(stream, 2, 1, 1, 2, 1);
  rows.within(held, () => rows.quote(stream, 1, 1, 1, 2, 1));
  rows.quote(stream, 2, 1, 1, 2, 1);
  rows.flush();
  assert.deepEqual(
    out.map(({ frame, row, local_timestamp }) => [frame, row, local_timestamp]),
    [
      [2, 0, 2],
      [1, 0, 1],
      [2, 1, 2],
    ],
  );
});

test('levels of a book message are numbered on, and name it, whatever comes between, and in a message of their own again after it', () => {
  const { rows, out } = collected(4);
  const [book, quotes] = [
    rows.streams.code('spot', 'book', 'depth', 'BTC'),
    rows.streams.code('spot', 'quotes', 'bbo', 'BTC'),
  ];
  const begin = (step: number) => rows.beginBook(book, step * 10, false, 'feed', step, step * 100, true);
  rows.at(textFrame(1, 1, 1, 'received', ''));
  assert.throws(() => rows.level('bid', 1, 1), /no message/);
  begin(1);
  begin(2);
  for (let i = 0; i < 3000; i++) rows.level('bid', i, 1);
  rows.quote(quotes, 1, 1, 1, 2, 1);
  assert.throws(() => rows.level('bid', 1, 1), /no message/);
  begin(3);
  rows.level('ask', 1, 0);
  rows.flush();
  assert.throws(() => rows.levels('ask', 1, Float64Array.of(5, 6), 2, 0, 1), /no message/);
  rows.at(textFrame(2, 1, 2, 'received', ''));
  for (const step of [4, 4, 4]) {
    begin(step);
    rows.level('bid', 1, 1);
  }
  rows.rollback();
  assert.throws(() => rows.level('bid', 1, 1), /no message/);
  begin(5);
  rows.levels('ask', 2, Float64Array.of(0, 5, 6, 0, 7, 8), 3, 1, 2);
  rows.at(textFrame(3, 1, 3, 'received', ''));
  assert.throws(() => rows.level('bid', 1, 1), /no message/);
  rows.flush();
  const book3000 = out.filter(({ table }) => table === 'book');
  assert.equal(book3000.length, 3003);
  const told = (index: number): unknown[] => {
    const { frame, row, step, timestamp, sequence, side, price, amount } = book3000[index] as RowObject;
    return [frame, row, step, timestamp, sequence, side, price, amount];
  };
  assert.deepEqual(told(0), [1, 0, 2, 20, 200, 'bid', 0, 1]);
  assert.deepEqual(told(2999), [1, 2999, 2, 20, 200, 'bid', 2999, 1]);
  assert.deepEqual(told(3000), [1, 3001, 3, 30, 300, 'ask', 1, 0]);
  assert.deepEqual(told(3001), [2, 0, 5, 50, 500, 'ask', 5, 6]);
  assert.deepEqual(told(3002), [2, 1, 5, 50, 500, 'ask', 7, 8]);
});

test('a frame that is taken back takes nothing of the frames before it, in no table', () => {
  const { rows, out } = collected(3);
  const stream = rows.streams.code('spot', 'trades', 'trade', 'BTC');
  for (let frame = 1; frame <= 20; frame++) {
    rows.at(textFrame(frame, 1, frame, 'received', ''));
    rows.quote(stream, 1, 1, 1, 2, 1);
    if (frame % 2 === 0) rows.trade(stream, 1, `${frame}`, 'buy', 1, 1);
    assert.equal(rows.sinceFrame(), frame % 2 === 0 ? 2 : 1);
    if (frame % 4 > 1) rows.rollback();
    if (frame % 4 > 1) assert.equal(rows.sinceFrame(), 0);
  }
  rows.at(textFrame(21, 1, 21, 'received', ''));
  rows.rollback();
  rows.flush();
  const frames = (table: string) => out.filter((row) => row.table === table).map(({ frame }) => frame);
  assert.deepEqual(frames('quotes'), [1, 4, 5, 8, 9, 12, 13, 16, 17, 20]);
  assert.deepEqual(frames('trades'), [4, 8, 12, 16, 20]);
  assert.deepEqual([rows.made.quotes, rows.made.trades], [10, 5]);
});

test('an id keeps its text, whatever it holds, written as text or as the bytes of a frame', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary-ascii' }),
    fc.constant('9'.repeat(500)),
  );
  const act = fc.record({ text, isFrame: fc.boolean(), isTakenBack: fc.boolean() });
  const property = fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
    const { rows, out } = collected(5);
    const stream = rows.streams.code('spot', 'trades', 'trade', 'BTC');
    for (const [i, { text, isFrame, isTakenBack }] of acts.entries()) {
      rows.at(textFrame(1, 1, i, 'received', ''));
      const bytes = Buffer.from(`<${text}>`);
      if (isFrame) rows.tradeFrom(stream, 1, bytes, 1, bytes.length - 1, 'buy', 1, 1);
      else rows.trade(stream, 1, text, 'buy', 1, 1);
      if (isTakenBack) rows.rollback();
    }
    rows.flush();
    const expected = acts
      .filter(({ isTakenBack }) => !isTakenBack)
      .map(({ text }) => (text === '' ? null : text));
    assert.deepEqual(
      out.map(({ id }) => id),
      expected,
    );
  });
  fc.assert(property);
});

test('bytes of an id that are no UTF-8 become U+FFFD, at whatever place of it', () => {
  for (let length = 1; length <= 14; length++)
    for (let at = 0; at < length; at++) {
      let held = Buffer.alloc(0);
      const rows = new Rows((batch) => {
        const ids = batch.ids('id');
        held = Buffer.from(ids.bytes.subarray(4, ids.ends[0]));
      });
      const stream = rows.streams.code('spot', 'trades', 'trade', 'BTC');
      const bytes = Buffer.from('4812345678901234').subarray(0, length + 1);
      bytes[at + 1] = 0xff;
      rows.at(textFrame(1, 1, 1, 'received', ''));
      rows.tradeFrom(stream, 1, bytes, 1, length + 1, 'buy', 1, 1);
      rows.flush();
      assert.deepEqual(held, Buffer.from(bytes.toString('utf8', 1)), `${length} bytes, at ${at}`);
    }
});
