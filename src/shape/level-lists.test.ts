import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { messageOf, ReaderPair } from '../../test/readings.ts';
import { DecimalReader } from '../record/index.ts';
import { ByteReader, Drift, figure, integer, list, object, Reading, shape, tuple } from './index.ts';
import { readLevels } from './level-lists.ts';
import type { Cells } from './reading.ts';

const BOOK = shape(
  'book',
  object({ u: integer(), b: list(tuple(figure(), figure())), a: list(tuple(figure(), figure())) }),
);

type Level = readonly [price: string, amount: string];

const messageText = (bids: readonly Level[], asks: readonly Level[]): string =>
  JSON.stringify({ u: 1, b: bids, a: asks });

/** A byte reader, and the numbers of both lists that it found. */
function byteReader() {
  const reading = new Reading(BOOK);
  const reader = new ByteReader(BOOK, reading, new DecimalReader(), new Drift());
  const numbers = (): number[][] =>
    [BOOK.slots.b.list, BOOK.slots.a.list].map((slot) => {
      const cells = reading.numbersOf(slot);
      return [...cells.numbers.subarray(0, cells.count * cells.stride)];
    });
  return {
    numbers,
    reading,
    read: (text: string, length = text.length) => reader.read(Buffer.from(text), 0, length),
  };
}

const numbersOf = (levels: readonly Level[]): number[] => levels.flat().map(Number);

const digits = (most: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${most}}$`));
const plain = fc
  .tuple(digits(9), fc.option(digits(9), { nil: undefined }))
  .map(([whole, places]) => (places === undefined ? whole : `${whole}.${places}`));
/** Decimals and what only looks like them. */
const odd = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '.5',
    '5.',
    '1.2.3',
    '-1',
    '+1',
    '1e3',
    '1E-7',
    ' 1',
    '1 ',
    '0x1f',
    '1,5',
    '00.10',
  ),
  fc.constantFrom(
    '12345678.00000000',
    '123456789012345678',
    '0.1234567890123456',
    'NaN',
    'é',
    '1"2',
    '\\',
    ':',
    '/',
  ),
  fc.stringMatching(/^[0-9.eE+:/-]{1,18}$/),
);

test('levels are the doubles nearest to their texts, whatever their lengths', () => {
  const { read, numbers } = byteReader();
  const level = fc.tuple(plain, plain);
  const property = fc.property(fc.array(level, { maxLength: 30 }), fc.array(level), (bids, asks) => {
    assert.ok(read(messageText(bids, asks)));
    assert.deepEqual(numbers(), [numbersOf(bids), numbersOf(asks)]);
  });
  fc.assert(property, { numRuns: 500 });
});

test('numbers of fifteen digits that count are read here, longer ones by others, and all are right', () => {
  const { read, numbers, reading } = byteReader();
  const here = [
    '123456789012345',
    '1234567.00000000',
    '1.23456789012345',
    '12345678901234.5',
    '1234567.12345678',
  ];
  const zeros = ['12345678.00000000', '123456789.00000000', '12345678901234.00000000', '1.00000000'];
  const elsewhere = [
    ...[
      '1234567890123456',
      '12345678.10000000',
      '123456789012345.00000000',
      '123456789012345.5',
      '1.234567890123456',
    ],
    // Digits where the point would be, and zeros behind them.
    ...['123456789012345600000000', '12345678.000000000', '0.1234567890123456'],
  ];
  for (const text of [...here, ...zeros, ...elsewhere]) {
    const levels: Level[] = [
      [text, '1'],
      ['2', text],
      [text, text],
    ];
    assert.ok(read(messageText(levels, [])), text);
    assert.deepEqual(numbers(), [numbersOf(levels), []], text);
    assert.equal(reading.numbersOf(BOOK.slots.b.list).isPlain, !elsewhere.includes(text), text);
  }
});

test('among odd texts, both readers agree, and a plain level behind an odd one is read as well', () => {
  const pair = new ReaderPair(BOOK, () => new DecimalReader());
  const text = fc.oneof({ arbitrary: plain, weight: 6 }, { arbitrary: odd, weight: 1 });
  const levels = fc.array(fc.tuple(text, text), { maxLength: 8 });
  const property = fc.property(levels, levels, (bids, asks) => {
    assert.equal(pair.compare(messageOf(Buffer.from(messageText(bids, asks)))), null);
  });
  fc.assert(property, { numRuns: 3000 });
  assert.ok(pair.read > 500, `${pair.read} of the messages were read by bytes`);
});

test('a list is plain where no level was read otherwise: others may have numbers below zero', () => {
  const { read, reading } = byteReader();
  const isPlain = (): boolean[] =>
    [BOOK.slots.b.list, BOOK.slots.a.list].map((slot) => reading.numbersOf(slot).isPlain);
  const plainLevel: Level = ['1.5', '2'];
  for (const other of [
    ['-1.5', '2'],
    ['1.5', '-2'],
    ['1e3', '2'],
  ] as const) {
    assert.ok(read(messageText([plainLevel, other, plainLevel], [plainLevel])));
    assert.deepEqual(isPlain(), [false, true]);
    assert.ok(read(messageText([plainLevel, plainLevel], [other])));
    assert.deepEqual(isPlain(), [true, false]);
  }
});

test('what stands otherwise than levels mostly do is left to the other readers', () => {
  const pair = new ReaderPair(BOOK, () => new DecimalReader());
  const good = messageText([['1.5', '2']], [['3', '0.25']]);
  const messages = [
    ['"],["', '"], ["'],
    ['","', '" ,"'],
    ['","', '":"'],
    ['"2"]', '"2"}'],
    ['"]]', '"]}'],
    ['["1.5"', '[ "1.5"'],
    ['"2"]', '"2","7"]'],
    ['"2"]', '2]'],
    ['["1.5","2"]', '["1.5"]'],
    ['["1.5","2"]', '["1.5","2"],[]'],
    ['["1.5","2"]', '["1.5","2"],'],
    ['["1.5","2"]', '["1.5","2"]]'],
    ['["1.5","2"]', '["1.5","2",["3","4"]]'],
  ].map(([from = '', to = '']) => good.replace(from, to));
  for (const message of messages) assert.equal(pair.compare(messageOf(Buffer.from(message))), null, message);
  assert.ok(pair.read >= 3, 'white space and a place more are no reason to refuse a message');
});

test('no beginning of a message is taken for one, though the whole of it was read before', () => {
  const { read, numbers } = byteReader();
  const text = messageText(
    [
      ['67012.50', '0.125'],
      ['67012.40', '3'],
    ],
    [['67012.60', '12']],
  );
  for (let length = 0; length < text.length; length++) {
    assert.ok(read(text));
    assert.equal(read(text, length), false, text.slice(0, length));
    // Cut off within the bytes, too: what was there before is still in memory.
    assert.equal(read(text.slice(0, length)), false, text.slice(0, length));
  }
  // Nor does the reader of levels itself go beyond the end.
  const reading = new Reading(BOOK);
  const [cells] = reading.lists as [Cells, ...Cells[]];
  const places = ['["67012.50', '["67012.40', ',"a"'].map((place) => text.indexOf(place));
  const [first = 0, , last = 0] = places;
  for (let length = first; length < text.length; length++) {
    const bytes = Buffer.from(text);
    reading.begin(bytes);
    assert.equal(readLevels(bytes, first, text.length, cells, reading), last);
    reading.begin(bytes);
    const behind = readLevels(bytes, first, length, cells, reading);
    assert.ok(behind <= length, `${behind} of ${text.slice(0, length)}`);
    assert.equal(cells.count, places.indexOf(behind), text.slice(0, length));
  }
  assert.ok(read(text));
  assert.deepEqual(numbers(), [
    [67012.5, 0.125, 67012.4, 3],
    [67012.6, 12],
  ]);
});

test('lists longer than the memory for them are read all the same', () => {
  const { read, numbers } = byteReader();
  const many = Array.from({ length: 40_000 }, (_, n): Level => [`${n}.5`, String(n + 1)]);
  for (const [bids, asks] of [
    [many, many.slice(0, 3)],
    [many.slice(0, 3), many],
  ] as const) {
    assert.ok(read(messageText(bids, asks)));
    assert.deepEqual(numbers(), [numbersOf(bids), numbersOf(asks)]);
  }
});

test('a message that another took the place of is put into memory again', () => {
  const texts = ['["1","2"]]', '["3","4"],["5","6"]]'];
  const [one, other] = texts.map((text) => ({ bytes: Buffer.from(text), reading: new Reading(BOOK) }));
  const readNumbers = (from: typeof one): number[] => {
    const { bytes, reading } = from as { bytes: Buffer; reading: Reading };
    const [cells] = reading.lists as [Cells, ...Cells[]];
    cells.clear();
    assert.equal(readLevels(bytes, 0, bytes.length, cells, reading), bytes.length);
    return [...cells.numbers.subarray(0, cells.count * 2)];
  };
  for (const message of [one, other]) message?.reading.begin(message.bytes);
  for (let turn = 0; turn < 3; turn++)
    assert.deepEqual(
      [readNumbers(one), readNumbers(other)],
      [
        [1, 2],
        [3, 4, 5, 6],
      ],
    );
});

test('readers that take turns do not read from each other', () => {
  const readers = [byteReader(), byteReader()];
  for (let n = 0; n < 50; n++)
    for (const [index, { read, numbers }] of readers.entries()) {
      const level: Level = [String(n), String(index + 1)];
      assert.ok(read(messageText([level], n % 3 === 0 ? [] : [level])));
      assert.deepEqual(numbers(), [[n, index + 1], n % 3 === 0 ? [] : [n, index + 1]]);
    }
});
