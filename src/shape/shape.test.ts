import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DecimalReader, textFrame } from '../record/index.ts';
import {
  ByteReader,
  blankable,
  constant,
  Drift,
  decimal,
  flag,
  id,
  ignored,
  integer,
  lax,
  list,
  number,
  object,
  openChoice,
  optional,
  Reading,
  type Shape,
  ShapeReader,
  shape,
  type TextSlot,
  text,
  time,
  tuple,
} from './index.ts';
import { layoutsOf } from './layouts.ts';

const TRADE = shape(
  'trade',
  object({
    topic: text(),
    data: object({
      e: constant('trade'),
      T: time(),
      i: id(),
      p: decimal(),
      m: flag(),
      S: optional(openChoice(['Buy', 'Sell'])),
      x: ignored(),
    }),
  }),
);

const MESSAGE = '{"topic":"a","data":{"e":"trade","T":1784567890123,"i":12,"p":"0.10","m":true,"S":"Sell"}}';

function readerOf(shape: Shape) {
  const decimals = new DecimalReader();
  const drift = new Drift();
  const reader = new ShapeReader(shape, decimals, drift);
  const read = (message: string) => reader.read(textFrame(1, 1, 1, 'received', message));
  return { reader, reading: reader.reading, decimals, drift, read };
}

test('values are had by the slots of the declaration, texts only where somebody asks', () => {
  const { reader, reading, read } = readerOf(TRADE);
  const { topic, data } = TRADE.slots;
  assert.equal(read(MESSAGE), 'read');
  assert.equal(reader.declined, 0);
  assert.equal(reading.text(topic), 'a');
  assert.deepEqual(
    [reading.number(data.T), reading.number(data.i), reading.number(data.p), reading.number(data.m)],
    [1784567890123000, 12, 0.1, 1],
  );
  assert.deepEqual([reading.text(data.i), reading.text(data.p), reading.number(data.S)], ['12', '0.10', 1]);
});

test('a handler that asks for a field the shape lacks, or for the text of a time, does not compile', () => {
  type Data = (typeof TRADE.slots)['data'];
  const hasUndeclared: 'q' extends keyof Data ? true : false = false;
  const timeHasText: Data['T'] extends TextSlot ? true : false = false;
  const decimalHasText: Data['p'] extends TextSlot ? true : false = true;
  assert.deepEqual([hasUndeclared, timeHasText, decimalHasText], [false, false, true]);
});

test('an optional field that is absent, null or (a decimal) empty gives NaN and no text, whatever came before', () => {
  const both = shape('both', object({ a: optional(decimal()), b: optional(text()), c: integer() }));
  const { reading, read } = readerOf(both);
  const { a, b } = both.slots;
  for (const message of ['{"c":1}', '{"a":null,"b":null,"c":1}', '{"a":"","c":1}', '{"c":1,"a":""}']) {
    assert.equal(read('{"a":"5","b":"x","c":1}'), 'read');
    assert.ok(reading.hasText(b));
    assert.equal(read(message), 'read', message);
    assert.ok(Number.isNaN(reading.number(a)), message);
    assert.deepEqual([reading.hasText(a), reading.hasText(b), reading.text(b)], [false, false, ''], message);
  }
});

test('a layout whose first keys are optional reads messages that begin with a later one, and never a comma before it', () => {
  const led = shape(
    'led',
    object({ a: optional(integer()), x: ignored(), b: integer(), c: optional(integer()) }),
  );
  const [declared] = layoutsOf(led);
  const { read } = readerOf(led);
  const reading = new Reading(led);
  for (const [message, fits] of [
    ['{"b":1}', true],
    ['{"x":0,"b":1,"c":2}', true],
    ['{"a":1,"b":2}', true],
    ['{,"b":1}', false],
    ['{,"x":0,"b":1}', false],
    ['{"a":1"b":2}', false],
    ['{"a":1,,"b":2}', false],
  ] as const) {
    const bytes = Buffer.from(message);
    reading.begin(bytes);
    assert.equal(declared?.read(bytes, 0, bytes.length, reading), fits, message);
    assert.equal(read(message), fits ? 'read' : 'malformed', message);
  }
});

test('a list has a row of cells for each item; a place too many is passed over as drift', () => {
  const levels = shape('levels', object({ b: list(tuple(decimal(), decimal())), n: optional(number()) }));
  const { reader, reading, drift, read } = readerOf(levels);
  const { b, n } = levels.slots;
  const many = Array.from({ length: 100 }, (_, i) => `["${i}.5","${i * 2}"]`).join(',');
  assert.equal(read(`{"b":[${many}],"n":-0.25}`), 'read');
  assert.equal(reading.count(b.list), 100);
  assert.deepEqual(
    [reading.numberAt(b.list, 99, b.item[0]), reading.textAt(b.list, 99, b.item[1]), reading.number(n)],
    [99.5, '198', -0.25],
  );
  assert.equal(read('{"b":[["1","2",["3"],4]]}'), 'read');
  assert.equal(reader.declined, 0);
  assert.deepEqual([...drift.counts], [['levels b[][2…]', 1]]);
  assert.equal(read('{"b":[]}'), 'read');
  assert.equal(reading.count(b.list), 0);
});

test('an order of keys that comes often is learned, new keys with it, and drift goes on being counted', () => {
  const learned = shape('learned', object({ a: integer(), b: integer(), c: optional(integer()) }));
  const { reader, reading, drift, read } = readerOf(learned);
  const before = layoutsOf(learned).length;
  for (let n = 0; n < 40; n++) {
    assert.equal(read(`{"new":{"x":[${n}]},"b":${n},"a":7}`), 'read');
    assert.deepEqual([reading.number(learned.slots.a), reading.number(learned.slots.b)], [7, n]);
  }
  assert.equal(layoutsOf(learned).length, before + 1);
  assert.equal(reader.declined, 0);
  assert.deepEqual([...drift.counts], [['learned new', 40]]);
  for (let n = 0; n < 4000; n++) read(`{"k${n}":1,"b":1,"a":7}`);
  assert.ok(layoutsOf(learned).length <= 6, 'layouts are bounded');
  assert.ok(drift.counts.size <= 201, 'paths are bounded');
  assert.equal(
    [...drift.counts.values()].reduce((sum, count) => sum + count, 0),
    4040,
  );
});

test('a learned layout counts as drift only what a message has: not what items of its empty list would have', () => {
  const make = (name: string) =>
    shape(
      name,
      object({
        a: integer(),
        b: list(object({ x: integer() })),
        c: optional(object({ d: optional(text()) })),
      }),
    );
  const items = readerOf(make('items'));
  for (let n = 0; n < 40; n++) items.read('{"b":[{"y":1,"x":2}],"a":1}');
  for (let n = 0; n < 3; n++) items.read('{"b":[],"a":1}');
  assert.deepEqual([...items.drift.counts], [['items b[].y', 40]]);
  const absent = readerOf(make('absent'));
  for (let n = 0; n < 40; n++) absent.read('{"b":[],"c":{"e":1},"a":1}');
  for (let n = 0; n < 3; n++) absent.read('{"b":[],"a":1}');
  assert.deepEqual([...absent.drift.counts], [['absent c.e', 40]]);
});

test('what is learned of a message is its own, not what a refused one before it had', () => {
  const later = shape('later', object({ a: integer(), b: list(object({ x: integer() })) }));
  const { drift, read } = readerOf(later);
  for (let n = 0; n < 40; n++) assert.equal(read('{"b":[{"z":1,"x":2}],"a":"refused"}'), 'mismatch');
  for (let n = 0; n < 3; n++) read('{"new":1,"b":[],"a":1}');
  assert.deepEqual([...drift.counts], [['later new', 3]]);
  const bytes = Buffer.from('{"new":1,"b":[{"x":2}],"a":1}');
  const reading = new Reading(later);
  const fits = layoutsOf(later).map((layout) => {
    reading.begin(bytes);
    return layout.read(bytes, 0, bytes.length, reading);
  });
  assert.deepEqual(fits, [false, true]);
});

test('what is not of the shape says where and why; what is no JSON is malformed', () => {
  const { reader, read } = readerOf(TRADE);
  assert.equal(read(MESSAGE.replace('"0.10"', '"abc"')), 'mismatch');
  assert.equal(reader.problem, 'expected a decimal at data.p, got "abc"');
  assert.equal(read(MESSAGE.replace('"0.10"', '0.10')), 'mismatch', 'a decimal is text');
  assert.equal(read(MESSAGE.replace('"i":12,', '')), 'mismatch');
  assert.equal(reader.problem, 'expected an id at data.i, got undefined');
  assert.equal(read(MESSAGE.slice(0, -1)), 'malformed');
  assert.equal(read('[]'), 'mismatch');
});

test('a decimal is read to its last digit, and what is no digit is found at every place of it', () => {
  const one = shape('one', object({ a: decimal(), b: decimal() }));
  const { reader, reading, read } = readerOf(one);
  const { a, b } = one.slots;
  // What stands beside the digits in ASCII, and in the same high nibble.
  const others = ['/', ':', '?', '.', ' ', 'p', '\u0010'];
  assert.equal(read('{"a":"1.5","b":""}'), 'mismatch');
  reader.declined = 0;
  for (let whole = 1; whole <= 11; whole++)
    for (let places = 0; places <= 9; places++) {
      const digits = '98470848336796273951'.slice(0, whole + places);
      const text = places === 0 ? digits : `${digits.slice(0, whole)}.${digits.slice(whole)}`;
      for (const sign of ['', '-']) {
        assert.equal(read(`{"a":"${sign}${text}","b":"0.00000001"}`), 'read');
        const seen = [reading.number(a), reading.text(a), reading.number(b)];
        assert.deepEqual(seen, [Number(sign + text), sign + text, 1e-8]);
      }
      assert.equal(reader.declined, 0, text);
      for (let at = 0; at < text.length; at++)
        for (const other of others) {
          const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
          const isDecimal = /^(\d+\.?\d*|\.\d+)$/.test(changed);
          const verdict = read(`{"a":"1.5","b":"${changed}"}`);
          // JSON.parse refuses a control character in a text.
          const expected = isDecimal ? 'read' : other === '\u0010' ? 'malformed' : 'mismatch';
          assert.equal(verdict, expected, changed);
          if (isDecimal) assert.equal(reading.number(b), Number(changed));
        }
      reader.declined = 0;
    }
});

test('padded and short decimals are the doubles nearest to their texts', () => {
  const one = shape('one', object({ a: decimal() }));
  const { reader, reading, read } = readerOf(one);
  const texts = fc.stringMatching(/^\d{1,7}\.(\d{8}|\d{1,11})$/);
  const property = fc.property(texts, (text) => {
    assert.equal(read(`{"a":"${text}"}`), 'read');
    assert.equal(reading.number(one.slots.a), Number(text));
  });
  fc.assert(property, { numRuns: 3000, endOnFailure: true });
  assert.equal(reader.declined, 0);
});

test('numbers that do not print back are counted once, by whichever reader took the message', () => {
  const pair = shape('pair', object({ a: decimal(), b: decimal(), c: optional(text()) }));
  const { decimals, read, reader } = readerOf(pair);
  read('{"a":"24497980.15228462554747551920","b":"1.00000000000000001"}');
  assert.deepEqual([decimals.inexact, reader.declined], [2, 0]);
  read('{"a":"24497980.15228462554747551920","b":"1.00000000000000001","c":"\\u0041"}');
  assert.deepEqual([decimals.inexact, reader.declined], [4, 1]);
  read('{"a":"24497980.15228462554747551920","b":"x"}');
  assert.equal(decimals.inexact, 4, 'a message that is refused counts for nothing');
});

test('a JSON number of many digits or with an exponent is read by bytes where it prints back, else declined', () => {
  const one = shape('one', tuple(number(), optional(number())));
  const { reader, reading, read } = readerOf(one);
  for (const text of ['43.358118629999986', '7e-7', '-2.5e-8', '1e+21', '9007199254740991', '5e-324']) {
    assert.equal(read(`[${text}]`), 'read');
    assert.deepEqual([reading.number(one.slots[0]), reading.text(one.slots[0])], [Number(text), text]);
  }
  assert.equal(reader.declined, 0);
  const others = ['7.0e-7', '1e5', '0.0000007', '1E-7', '43.3581186299999861', '-0', '1.50'];
  for (const text of others) {
    assert.equal(read(`[${text}]`), 'read', text);
    assert.equal(reading.text(one.slots[0]), String(Number(text)));
  }
  assert.equal(reader.declined, others.length);
  for (const text of ['1e400', '7e-', '7e-7x', '01e-7', '-', '.5'])
    assert.notEqual(read(`[${text}]`), 'read', text);
});

test('no beginning of a message is taken for a message, though the rest stands behind it', () => {
  const bytes = Buffer.from(MESSAGE);
  const reader = new ByteReader(TRADE, new Reading(TRADE), new DecimalReader(), new Drift());
  for (let end = 0; end < bytes.length; end++) assert.equal(reader.read(bytes, 0, end), false, String(end));
  assert.equal(reader.read(bytes, 0, bytes.length), true);
});

test('a giant list does not keep its memory once smaller messages come', () => {
  const levels = shape('levels', object({ b: list(tuple(number(), number())) }));
  const { reading, read } = readerOf(levels);
  read(`{"b":[${'[1,2],'.repeat(50_000)}[1,2]]}`);
  assert.equal(reading.count(levels.slots.b.list), 50_001);
  read('{"b":[[1,2]]}');
  assert.ok((reading.lists[0]?.numbers.length ?? 0) < 1000);
});

test('a blankable decimal tells an empty text or null from its absence; else it is a decimal like others', () => {
  const pair = shape(
    'pair',
    object({ a: optional(blankable(decimal())), b: blankable(number()), c: integer() }),
  );
  const { reader, reading, read } = readerOf(pair);
  const { a, b } = pair.slots;
  for (const [message, ofA, ofB] of [
    ['{"a":"5.0","b":"","c":1}', '5.0', ''],
    ['{"a":"","b":null,"c":1}', '', ''],
    ['{"b":"","a":null,"c":1}', '', ''],
    ['{"b":7,"c":1}', null, '7'],
  ] as const) {
    assert.equal(read(message), 'read', message);
    const texts = [a, b].map((slot) => (reading.hasText(slot) ? reading.text(slot) : null));
    assert.deepEqual(texts, [ofA, ofB], message);
    const numbers = [a, b].map((slot) => reading.number(slot));
    assert.deepEqual(numbers, [Number(ofA || Number.NaN), Number(ofB || Number.NaN)], message);
  }
  assert.equal(reader.declined, 0);
  assert.equal(read('{"a":"5","c":1}'), 'mismatch', 'blankable is not optional');
  assert.equal(read('{"a":" ","b":"1","c":1}'), 'mismatch');
});

test('a lax number that is none counts as absent', () => {
  const counted = shape('counted', object({ a: lax(integer()), b: lax(number()), c: integer() }));
  const { reading, read } = readerOf(counted);
  const { a, b } = counted.slots;
  for (const [message, ...numbers] of [
    ['{"a":5,"b":"-6","c":1}', 5, -6],
    ['{"a":"5","b":"none","c":1}', Number.NaN, Number.NaN],
    ['{"a":null,"b":[1],"c":1}', Number.NaN, Number.NaN],
    ['{"a":1.5,"c":1}', Number.NaN, Number.NaN],
  ] as const) {
    assert.equal(read(message), 'read', message);
    assert.deepEqual([reading.number(a), reading.number(b)], numbers, message);
    assert.equal(reading.hasText(a), numbers[0] === 5, message);
  }
  assert.equal(read('{"a":5,"b":6,"c":"x"}'), 'mismatch', 'other fields stay strict');
});

test('halves of a character in two texts stay halves: no text behind them moves', () => {
  const three = shape('three', object({ a: text(), b: text(), c: text() }));
  const { reading, read } = readerOf(three);
  assert.equal(read('{"a":"q\\ud83d","b":"\\ude00w","c":"hello"}'), 'read');
  assert.equal(reading.text(three.slots.c), 'hello');
});

test('a part that does not fit any more is hardly tried, until it fits again', () => {
  const declared = shape('part', object({ a: integer() }));
  const reader = new ShapeReader(declared, new DecimalReader(), new Drift());
  const tried = (text: string): boolean => {
    const bytes = Buffer.from(text);
    reader.readPart(bytes, 0, bytes.length);
    return reader.reading.bytes === bytes;
  };
  const count = (text: string, times: number): number =>
    Array.from({ length: times }, () => tried(text)).filter((was) => was).length;
  assert.equal(count('{"a":1}', 100), 100);
  const misses = count('{"a":1,"b":2}', 1000);
  assert.ok(misses > 64 && misses < 100, `${misses} tries`);
  assert.ok(count('{"a":1}', 200) > 100, 'it fits again');
  assert.equal(reader.reading.number(declared.slots.a), 1);
});

test('a part whose keys come in another order is learned after a while, one with unknown keys is not', () => {
  const declared = shape('parts', object({ a: integer(), b: integer() }));
  const drift = new Drift();
  const readers = [1, 2].map(() => new ShapeReader(declared, new DecimalReader(), drift));
  const taken = (reader: ShapeReader | undefined, text: string): number => {
    const bytes = Buffer.from(text);
    return Array.from({ length: 1000 }, () => reader?.readPart(bytes, 0, bytes.length)).filter(Boolean)
      .length;
  };
  for (const reader of readers) {
    assert.equal(taken(reader, '{"a":1,"b":2,"c":3}'), 0);
    assert.ok(taken(reader, '{"b":4,"a":5}') > 800);
    const { a, b } = declared.slots;
    assert.deepEqual([reader.reading.number(a), reader.reading.number(b)], [5, 4]);
    assert.ok(taken(reader, '{"a":6,"b":7}') > 800, 'the order of before');
  }
  const [first] = readers;
  // White space is walked, and teaches nothing.
  for (let n = 0; n < 10; n++) assert.ok(taken(first, '{"a": 1,"b":2}') < 1000);
  assert.ok(taken(first, '{"b":4,"a":5}') > 800, 'what is known needs no lesson');
  assert.deepEqual([...drift.counts.keys()], [], 'parts are tried, and nothing is noted of them');
});
