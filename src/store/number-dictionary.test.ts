import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { splitBytes } from './doubles.ts';
import { HASH_FACTOR, NumberDictionary, SLOT_BITS } from './number-dictionary.ts';

/** The bits of numbers: NaN, 0 and -0 are told apart by them. */
const bitsOf = (values: Float64Array): BigUint64Array =>
  new BigUint64Array(values.buffer, values.byteOffset, values.length);

const slotOf = (value: number): number => {
  const [bits = 0n] = bitsOf(Float64Array.of(value));
  return Number(BigInt.asUintN(64, bits * HASH_FACTOR) >> BigInt(64 - SLOT_BITS));
};

/** Holds each place that the dictionary finds against the number that stands there. */
function mustPlace(dictionary: NumberDictionary, values: readonly number[]): void {
  const places = new Uint16Array(values.length);
  assert.ok(dictionary.fill(Float64Array.from(values), values.length, places), `${values.length} numbers`);
  const given = bitsOf(Float64Array.from(values));
  const known = bitsOf(dictionary.numbers);
  assert.equal(dictionary.count, new Set(given).size);
  const wrong = given.findIndex((bits, i) => known[places[i] as number] !== bits);
  assert.equal(wrong, -1, `number ${wrong}, ${values[wrong]}`);
}

/** `different` numbers, `times` as many in all: one of them comes for the first time, the others have come before. */
function repeating(different: number, times: number, number: (n: number) => number): number[] {
  return Array.from({ length: different * times }, (_, i) => {
    const newest = Math.floor(i / times);
    return number(i % times === 0 ? newest : (i * 7919) % (newest + 1));
  });
}

test('each number is found at its place, in dictionaries of any size, one after the other', () => {
  const kinds: readonly ((n: number) => number)[] = [
    (n) => 67_000 + n / 100,
    (n) => n,
    (n) => 1 + n * 2 ** -36,
    (n) => n * 2 ** 40,
    (n) => [0, -0, Number.NaN, Number.POSITIVE_INFINITY][n % 4] as number,
  ];
  const dictionary = new NumberDictionary();
  for (const number of kinds)
    for (const different of [1, 2, 255, 256, 257, 2047, 2048, 2049, 4097, 32_768])
      mustPlace(dictionary, repeating(different, 5, number));
});

test('the table of slots ends where it begins, and the next dictionary knows nothing of the last one', () => {
  const last = Array.from({ length: 400_000 }, (_, n) => n / 8).filter(
    (number) => slotOf(number) === 2 ** SLOT_BITS - 1,
  );
  assert.ok(last.length > 3, 'numbers for the last slot');
  const dictionary = new NumberDictionary();
  for (const numbers of [last, [...last].reverse(), [...last.slice(1), 7]])
    mustPlace(dictionary, [...numbers, ...numbers, ...numbers, ...numbers]);
});

test('numbers that do not repeat enough are not worth a dictionary', () => {
  const dictionary = new NumberDictionary();
  const fill = (values: readonly number[]): boolean =>
    dictionary.fill(Float64Array.from(values), values.length, new Uint16Array(values.length));
  assert.equal(fill(repeating(32_769, 5, (n) => n)), false);
  assert.equal(fill(Array.from({ length: 60_000 }, (_, n) => (n < 4097 ? n : n % 100))), false);
  for (const rows of [4096, 50_000, 65_535, 65_536]) {
    // Many are different, but each number stands beside its like, or they come again in turns.
    assert.equal(fill(Array.from({ length: rows }, (_, n) => Math.floor(n / 2) / 100)), false);
    assert.equal(fill(Array.from({ length: rows }, (_, n) => (n % 64 === 0 ? 5 : n % 20_000) / 100)), false);
  }
  mustPlace(
    dictionary,
    repeating(3000, 4, (n) => n / 8),
  );
});

test('where numbers repeat somewhat, the form that takes less is taken', () => {
  const dictionary = new NumberDictionary();
  const packed = (array: Float64Array | Uint16Array | Uint8Array): number => {
    const bytes = new Uint8Array(array.buffer, 0, array.byteLength);
    return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }).length;
  };
  const met = new Set<boolean>();
  const kinds = [(n: number) => 1 / n, (n: number) => n, (n: number) => n / 100, (n: number) => n / 1e5];
  for (const number of kinds)
    for (const most of [30_000, 45_000, 60_000]) {
      let seed = most;
      const values = Float64Array.from({ length: 50_000 }, () => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        // Small ones are frequent.
        return number(1 + Math.floor(most * (seed / 2 ** 32) ** 3));
      });
      const isWorth = dictionary.fill(values, values.length, new Uint16Array(values.length));
      const distinct = [...new Set(values)];
      const placeOf = new Map(distinct.map((value, place) => [value, place]));
      const places = Uint16Array.from(values, (value) => placeOf.get(value) as number);
      const split = new Uint8Array(values.byteLength);
      splitBytes(split, 0, values, values.length);
      const [placed, plain] = [packed(places) + packed(Float64Array.from(distinct)), packed(split)];
      met.add(isWorth);
      assert.ok(
        isWorth ? placed < plain * 1.1 : plain < placed * 1.1,
        `${placed} and ${plain} bytes, ${isWorth}`,
      );
    }
  assert.deepEqual(met, new Set([true, false]));
});

test('random numbers are found at their places', () => {
  const few = fc.array(fc.double(), { minLength: 1, maxLength: 60 });
  const property = fc.property(
    few,
    fc.array(fc.nat(), { minLength: 300, maxLength: 900 }),
    (numbers, picks) => {
      mustPlace(new NumberDictionary(), [
        ...picks.map((pick) => numbers[pick % numbers.length] as number),
        ...numbers,
      ]);
    },
  );
  fc.assert(property, { numRuns: 50, endOnFailure: true });
});
