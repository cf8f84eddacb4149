import {
  type Code,
  FunctionCode,
  f64,
  flow,
  i32,
  i64,
  instantiate,
  type Local,
  type Value,
  v128,
} from '../wasm/index.ts';
import { CLOSE_BRACKET } from './json-bytes.ts';
import type { Cells, Reading } from './reading.ts';
import { POWERS } from './scalars.ts';

/*
 * Lists of levels, `["67012.50","0.125"],["67012.40","3"],…`, are most of what book messages are, and are read by
 * WebAssembly, sixteen bytes at a time: a number costs ten nanoseconds, in JavaScript fifty. It takes levels for as
 * long as they are two decimals in quotes, without sign or exponent, of at most fifteen digits that count; and leaves
 * the next one, whatever it is, to the readers that know everything.
 */

/** The longest rest of a message that is read this way. A level has ten bytes at least, with what stands behind it. */
const MESSAGE_BYTES_MAX = 256 * 1024;
const LEVELS_MAX = Math.ceil(MESSAGE_BYTES_MAX / 10);
const BLOCK = 16;

/** What is looked for, taken away or multiplied with, sixteen bytes each. */
const CONSTANTS = {
  quotes: bytesOf(0x22),
  points: bytesOf(0x2e),
  zeros: bytesOf(0x30),
  /** Bytes above nine are above 127 with it. */
  toTop: bytesOf(127 - 9),
  tens: bytesOf(10, 1),
  hundreds: shortsOf(100, 1),
  tenThousands: shortsOf(10_000, 1),
};

/*
 * Memory: how many levels were read; constants; for each pair of (place of the closing quote, 0 to 16; place of the point,
 * 0 to 15) where the digits of a number are, and by what to divide them; the message; the numbers.
 */
const COUNT = 0;
const FIRST_CONSTANT = BLOCK;
const ORDERS = FIRST_CONSTANT + Object.keys(CONSTANTS).length * BLOCK;
const PAIRS = (BLOCK + 1) * BLOCK;
const DIVISORS = ORDERS + PAIRS * BLOCK;
const MESSAGE = DIVISORS + PAIRS * 8;
/** A level that is cut off at the message's end is looked at as if it went on. */
const NUMBERS = MESSAGE + MESSAGE_BYTES_MAX + 4 * BLOCK;
const MEMORY_BYTES = NUMBERS + LEVELS_MAX * 16;

const EIGHT_ZEROS = Buffer.from('00000000').readBigInt64LE();
const OPEN_LIST_AND_QUOTE = word('["');
const BETWEEN_NUMBERS = word('","');
const BETWEEN_LEVELS = word('"],[');
const BEHIND_LIST = word('"]]');

function bytesOf(...repeated: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: BLOCK }, (_, i) => repeated[i % repeated.length] ?? 0);
}

function shortsOf(...repeated: readonly number[]): Uint8Array {
  return new Uint8Array(
    Int16Array.from(bytesOf(...repeated.keys()).subarray(0, 8), (i) => repeated[i] ?? 0).buffer,
  );
}

/** Up to four characters as the number that they are in memory. */
function word(text: string): number {
  return Buffer.from(text.padEnd(4, '\0')).readInt32LE();
}

/**
 * `levels(at, end)`: reads levels from `at`, which is behind the bracket of the list or a comma of it. Returns where the
 * first one begins that it does not read, or the position behind the list's own bracket.
 */
function levelsCode(): FunctionCode {
  const code = new FunctionCode(2);
  const [at, end] = [code.parameter(0), code.parameter(1)];
  const bytes = code.local('v128');
  const quote = code.local('i32');
  const place = code.local('i32');
  const digits = code.local('v128');
  const begin = code.local('i32');
  const out = code.local('i32');
  const names = Object.keys(CONSTANTS) as (keyof typeof CONSTANTS)[];
  const held = Object.fromEntries(names.map((name) => [name, code.local('v128')])) as Record<
    keyof typeof CONSTANTS,
    Local<'v128'>
  >;
  const price = code.local('f64');
  const amount = code.local('f64');
  /** Ends the loop unless this holds; it stands in so many blocks within the loop. */
  const leaveUnless = (condition: Value<'i32'>, blocks = 0): Code =>
    flow.leaveIf(i32.isZero(condition), 1 + blocks);

  /** Reads the number whose opening quote is at `at`, which is then at the closing one. */
  const number = (into: Local<'f64'>): Code => [
    bytes.set(v128.load(at, 1)),
    // Behind sixteen characters at the latest: whether it does stand there, is seen with what comes behind it.
    quote.set(i32.trailingZeros(i32.or(v128.u8.mask(v128.u8.equals(bytes, held.quotes)), 1 << BLOCK))),
    // A point in the sixteenth byte stands for none.
    place.set(i32.trailingZeros(i32.or(v128.u8.mask(v128.u8.equals(bytes, held.points)), 1 << (BLOCK - 1)))),
    leaveUnless(place),
    at.set(i32.add(i32.add(at, quote), 1)),
    flow.when(
      i32.equals(quote, BLOCK),
      // `12345678.00000000`: only the quote stands further behind, what is cut off are zeros.
      flow.when(
        i32.and(
          i32.below(place, BLOCK - 1),
          i64.equals(i64.load(i32.add(i32.sub(at, BLOCK), place), 1), i64.const(EIGHT_ZEROS)),
        ),
        at.set(i32.add(i32.sub(at, BLOCK), i32.add(place, 9))),
      ),
    ),
    place.set(i32.or(i32.shiftLeft(quote, 4), place)),
    // Not empty, and not sixteen digits, which may be more than a double holds.
    leaveUnless(i32.below(i32.sub(place, BLOCK), PAIRS - 1 - BLOCK)),
    // The digits alone, as numbers, the last one in the last byte; whatever is no digit is above nine.
    digits.set(v128.u8.pick(v128.u8.sub(bytes, held.zeros), v128.load(i32.shiftLeft(place, 4), ORDERS))),
    leaveUnless(i32.isZero(v128.u8.mask(v128.u8.addUpTo(digits, held.toTop)))),
    // Two digits each, then four, then eight.
    digits.set(v128.i32.dotShorts(v128.i16.dotBytes(digits, held.tens), held.hundreds)),
    digits.set(v128.i32.dotShorts(v128.i16.narrow(digits, digits), held.tenThousands)),
    into.set(
      f64.div(
        f64.add(
          f64.mul(f64.from(v128.i32.lane(digits, 0)), f64.const(1e8)),
          f64.from(v128.i32.lane(digits, 1)),
        ),
        f64.load(i32.shiftLeft(place, 3), DIVISORS),
      ),
    ),
  ];

  return code.body(
    names.map((name, n) => held[name].set(v128.load(i32.const(FIRST_CONSTANT + n * BLOCK)))),
    out.set(i32.const(NUMBERS)),
    begin.set(at),
    flow.block(
      flow.loop(
        leaveUnless(i32.equals(i32.load16(at), OPEN_LIST_AND_QUOTE)),
        at.set(i32.add(at, 1)),
        number(price),
        leaveUnless(i32.equals(i32.and(i32.load(at), 0xff_ffff), BETWEEN_NUMBERS)),
        at.set(i32.add(at, 2)),
        number(amount),
        flow.block(
          flow.leaveIf(i32.equals(i32.load(at), BETWEEN_LEVELS)),
          leaveUnless(i32.equals(i32.and(i32.load(at), 0xff_ffff), BEHIND_LIST), 1),
        ),
        at.set(i32.add(at, 3)),
        leaveUnless(i32.below(at, i32.add(end, 1))),
        f64.store(out, price),
        f64.store(out, amount, 8),
        out.set(i32.add(out, 16)),
        begin.set(at),
        flow.leaveIf(i32.differs(i32.load8(i32.sub(at, 1)), CLOSE_BRACKET)),
      ),
    ),
    i32.store(i32.const(COUNT), i32.shiftRight(i32.sub(out, NUMBERS), 4)),
    flow.returns(begin),
  );
}

const { levels, memory } = instantiate({ levels: levelsCode() }, MEMORY_BYTES);
const bytes = Buffer.from(memory);
const count = new Int32Array(memory, COUNT, 1);
const numbers = new Float64Array(memory, NUMBERS, LEVELS_MAX * 2);
fillTables();

function fillTables(): void {
  bytes.set(Buffer.concat(Object.values(CONSTANTS)), FIRST_CONSTANT);
  const divisors = new Float64Array(memory, DIVISORS, PAIRS);
  for (let quote = 0; quote <= BLOCK; quote++)
    for (let point = 0; point < BLOCK; point++) {
      const row = quote * BLOCK + point;
      const digits = Array.from({ length: quote }, (_, place) => place).filter((place) => place !== point);
      const order = bytes.subarray(ORDERS + row * BLOCK, ORDERS + (row + 1) * BLOCK);
      order.fill(0xff).set(digits, BLOCK - digits.length);
      divisors[row] = POWERS[point < quote ? quote - 1 - point : 0] as number;
    }
}

/** Whose message is in memory, and the difference between a position in its frame and the one in memory. */
let holder: Reading | null = null;
let from = 0;

/**
 * Reads levels of a list into its cells, from `at` on, which is behind the bracket of the list or a comma of it.
 * @returns where the first one begins that is left to others; or, all being read, the position behind the list
 */
export function readLevels(message: Buffer, at: number, end: number, cells: Cells, reading: Reading): number {
  if (holder !== reading || !reading.wasHeld) {
    if (end - at > MESSAGE_BYTES_MAX) return at;
    message.copy(bytes, MESSAGE, at, end);
    holder = reading;
    reading.wasHeld = true;
    from = at - MESSAGE;
  }
  const behind = levels(at - from, end - from) + from;
  cells.addLevels(numbers, count[0] as number);
  return behind;
}
