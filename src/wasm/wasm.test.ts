import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Code,
  FunctionCode,
  f64,
  flow,
  i32,
  i64,
  instantiate,
  instantiateShared,
  memory,
  type Value,
  v128,
} from './index.ts';

type Numbers = (a: Value<'i32'>, b: Value<'i32'>) => Value<'i32'>;

/** A function of two numbers, and the memory it sees. */
function functionOf(make: Numbers, before: (a: Value<'i32'>, b: Value<'i32'>) => Code = () => []) {
  const code = new FunctionCode(2);
  const [a, b] = [code.parameter(0), code.parameter(1)];
  const { run, memory } = instantiate({ run: code.body(before(a, b), flow.returns(make(a, b))) }, 1024);
  return { run: (x: number, y: number) => run(x, y), bytes: Buffer.from(memory) };
}

const flag = (is: boolean): number => (is ? 1 : 0);

test('numbers of 32 bits are what they are in JavaScript', () => {
  const operations: Readonly<Record<string, [Numbers, (a: number, b: number) => number]>> = {
    add: [i32.add, (a, b) => (a + b) | 0],
    sub: [i32.sub, (a, b) => (a - b) | 0],
    and: [i32.and, (a, b) => a & b],
    or: [i32.or, (a, b) => a | b],
    equals: [i32.equals, (a, b) => flag(a === b)],
    differs: [i32.differs, (a, b) => flag(a !== b)],
    below: [i32.below, (a, b) => flag(a >>> 0 < b >>> 0)],
    isZero: [i32.isZero, (a) => flag(a === 0)],
    shiftLeft: [i32.shiftLeft, (a, b) => a << b],
    shiftRight: [i32.shiftRight, (a, b) => (a >>> b) | 0],
    trailingZeros: [i32.trailingZeros, (a) => (a === 0 ? 32 : 31 - Math.clz32(a & -a))],
  };
  const number = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 70 }));
  for (const [name, [make, expected]] of Object.entries(operations)) {
    const { run } = functionOf(make);
    fc.assert(
      fc.property(number, number, (a, b) => assert.equal(run(a, b), expected(a, b), `${name} ${a} ${b}`)),
    );
  }
});

test('constants are what was written, of any size and sign', () => {
  const edges = [0, 63, 64, 127, 128, 8191, 8192, 2 ** 20, 2 ** 27, 2 ** 31 - 1];
  for (const constant of [...edges, ...edges.map((edge) => 0 - edge), ...edges.map((edge) => -edge - 1)])
    assert.equal(functionOf(() => i32.const(constant)).run(0, 0), constant);
  for (const constant of [0n, 63n, 64n, -64n, -65n, 1n << 40n, -(1n << 62n), (1n << 64n) - 1n]) {
    const { run, bytes } = functionOf(
      () => i32.const(0),
      () => i64.store(i32.const(8), i64.const(constant)),
    );
    run(0, 0);
    assert.equal(bytes.readBigInt64LE(8), BigInt.asIntN(64, constant));
  }
});

test('memory is copied, also where the two places overlap, and other threads may be given it', () => {
  const code = new FunctionCode(3);
  const [to, from, length] = [code.parameter(0), code.parameter(1), code.parameter(2)];
  const shared = instantiateShared(
    { run: code.body(memory.copy(to, from, length), flow.returns(i32.const(7))) },
    70_000,
  );
  assert.ok(shared.memory instanceof SharedArrayBuffer);
  assert.equal(shared.memory.byteLength, 2 * 65_536);
  const bytes = Buffer.from(shared.memory);
  const place = fc.nat(300);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 600, maxLength: 600 }),
      place,
      place,
      place,
      (content, a, b, n) => {
        bytes.set(content);
        assert.equal(shared.run(a, b, n), 7);
        assert.deepEqual(new Uint8Array(bytes.subarray(0, 600)), content.copyWithin(a, b, b + n));
      },
    ),
  );
  assert.throws(() => shared.run(0, shared.memory.byteLength - 5, 6), /out of bounds/);
});

test('memory is read and written where it is told, at any alignment', () => {
  const { run, bytes } = functionOf(
    (a) => i32.add(i32.load(a, 200), i32.add(i32.load16(a, 1), i32.load8(a))),
    (a, b) => [i32.store(a, b, 200), i32.store16(a, b, 300), f64.store(a, f64.load(a, 40), 400)],
  );
  bytes.writeDoubleLE(Math.PI, 43);
  bytes.set([0xff, 0xfe, 0xfd], 3);
  assert.equal(run(3, -7), -7 + 0xfdfe + 0xff);
  assert.equal(bytes.readUInt16LE(303), 0xfff9);
  assert.equal(bytes.readDoubleLE(403), Math.PI);
  assert.equal(bytes.length, 65_536);
});

test('numbers of 64 bits, and doubles', () => {
  const whole = functionOf(
    () => i64.top(i64.mul(i64.load(i32.const(0)), i64.load(i32.const(8))), 15),
    () => i32.store(i32.const(16), i64.equals(i64.load(i32.const(0)), i64.load(i32.const(8)))),
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.bigInt({ min: 1n, max: 9n }), (a, b) => {
      whole.bytes.writeBigUInt64LE(a, 0);
      whole.bytes.writeBigUInt64LE(b, 8);
      assert.equal(whole.run(0, 0), Number(BigInt.asUintN(64, a * b) >> 49n));
      assert.equal(whole.bytes.readInt32LE(16), flag(a === b));
      whole.bytes.writeBigUInt64LE(b, 0);
      whole.run(0, 0);
      assert.equal(whole.bytes.readInt32LE(16), 1);
    }),
  );
  const doubles = functionOf(
    () => i32.const(0),
    (a, b) =>
      f64.store(
        i32.const(0),
        f64.div(f64.add(f64.mul(f64.from(a), f64.const(1e8)), f64.from(b)), f64.const(100)),
      ),
  );
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (a, b) => {
      doubles.run(a, b);
      assert.equal(doubles.bytes.readDoubleLE(0), (a * 1e8 + b) / 100);
    }),
  );
});

test('sixteen bytes at a time', () => {
  const [A, B, TO] = [v128.load(i32.const(0)), v128.load(i32.const(16)), 32];
  const each = (expected: (a: number, b: number) => number) => (a: Buffer, b: Buffer) =>
    Buffer.from(a.map((byte, i) => expected(byte, b[i] as number)));
  const numbers = (make: (i: number) => number, length: number): number[] =>
    Array.from({ length }, (_, i) => make(i));
  const words = (list: readonly number[]): Buffer => Buffer.from(Int32Array.from(list).buffer);
  const operations: Readonly<Record<string, [Value<'v128'>, (a: Buffer, b: Buffer) => Buffer]>> = {
    equals: [v128.u8.equals(A, B), each((a, b) => (a === b ? 255 : 0))],
    sub: [v128.u8.sub(A, B), each((a, b) => a - b)],
    addUpTo: [v128.u8.addUpTo(A, B), each((a, b) => Math.min(255, a + b))],
    dotShorts: [
      v128.i32.dotShorts(A, B),
      (a, b) => {
        const product = (i: number): number => a.readInt16LE(i) * b.readInt16LE(i);
        return words(numbers((i) => product(4 * i) + product(4 * i + 2), 4));
      },
    ],
    narrow: [
      v128.i16.narrow(A, B),
      (a, b) => {
        const wide = [a, b].flatMap((from) => numbers((i) => from.readInt32LE(4 * i), 4));
        return Buffer.from(Uint16Array.from(wide, (n) => Math.max(0, Math.min(65_535, n))).buffer);
      },
    ],
  };
  /** Of operands for which they are the same everywhere. */
  const narrowed: Readonly<Record<string, [Value<'v128'>, (a: Buffer, b: Buffer) => Buffer]>> = {
    pick: [v128.u8.pick(A, B), (a, b) => Buffer.from(b.map((place) => a[place] ?? 0))],
    dotBytes: [
      v128.i16.dotBytes(A, B),
      (a, b) => {
        const product = (i: number): number => (a[i] as number) * (b[i] as number);
        return Buffer.from(Int16Array.from(numbers((i) => product(2 * i) + product(2 * i + 1), 8)).buffer);
      },
    ],
  };
  // The only way to see sixteen bytes: their words, lane by lane.
  for (const [name, [make, expected]] of [...Object.entries(operations), ...Object.entries(narrowed)]) {
    const { run, bytes } = functionOf(
      () => v128.u8.mask(make),
      () => [[0, 1, 2, 3].map((lane) => i32.store(i32.const(TO + lane * 4), v128.i32.lane(make, lane)))],
    );
    const any = fc.oneof(fc.nat(255), fc.nat(20));
    const place = fc.oneof(fc.nat(15), fc.constant(255));
    const [ofA, ofB] =
      name === 'pick' ? [any, place] : name === 'dotBytes' ? [fc.nat(127), fc.nat(127)] : [any, any];
    const sixteen = (byte: fc.Arbitrary<number>): fc.Arbitrary<Buffer> =>
      fc.array(byte, { minLength: 16, maxLength: 16 }).map((list) => Buffer.from(list));
    fc.assert(
      fc.property(sixteen(ofA), sixteen(ofB), (a, b) => {
        a.copy(bytes, 0);
        b.copy(bytes, 16);
        const found = run(0, 0);
        const wanted = expected(a, b);
        assert.deepEqual(bytes.subarray(TO, TO + 16), wanted, name);
        const mask = wanted.reduce((bits, value, i) => bits | ((value >>> 7) << i), 0);
        assert.equal(found, mask, name);
      }),
    );
  }
});

test('blocks are left, loops begun again, and branches taken or not', () => {
  // The sum of the numbers below `a`, but no further than `b`.
  const code = new FunctionCode(2);
  const [a, b] = [code.parameter(0), code.parameter(1)];
  const [n, sum] = [code.local('i32'), code.local('i32')];
  const { sums } = instantiate(
    {
      sums: code.body(
        flow.block(
          flow.loop(
            flow.leaveIf(i32.isZero(i32.below(n, a)), 1),
            flow.when(i32.equals(n, b), flow.leave(2)),
            sum.set(i32.add(sum, n)),
            n.set(i32.add(n, 1)),
            flow.leave(),
          ),
        ),
        flow.returns(sum),
      ),
    },
    0,
  );
  assert.deepEqual([sums(5, 100), sums(5, 2), sums(0, 0), sums(300, 299)], [10, 1, 0, 44_551]);
});
