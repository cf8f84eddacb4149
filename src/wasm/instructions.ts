/** Instructions, as bytes in nested lists. */
export type Code = readonly (number | Code)[];
export type ValueType = 'i32' | 'i64' | 'f64' | 'v128';

/** Instructions that leave one value. */
export interface Value<T extends ValueType> {
  readonly type: T;
  readonly code: Code;
}
type I32 = Value<'i32'>;
type I64 = Value<'i64'>;
type F64 = Value<'f64'>;
type V128 = Value<'v128'>;

/** A number in LEB128, unsigned. */
export function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return bytes;
}

/** A number of 32 or 64 bits in LEB128, signed. */
function signedLeb(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest & 127n));
  return bytes;
}

function value<T extends ValueType>(type: T, ...code: Code): Value<T> {
  return { type, code };
}

/** The code of SIMD instructions begins with this byte. */
const SIMD = 0xfd;

type Operand = I32 | number;

/** Plain numbers stand for constants. */
function i32Of(operand: Operand): Code {
  return typeof operand === 'number' ? [0x41, ...signedLeb(BigInt(operand | 0))] : operand.code;
}

function binary(code: number): (a: I32, b: Operand) => I32 {
  return (a, b) => value('i32', a.code, i32Of(b), code);
}

/** An access to memory at `address + offset`; its alignment is only a hint. */
function access(code: Code, offset: number): Code {
  return [...code, 0, ...leb(offset)];
}

export const i32 = {
  const: (constant: number): I32 => value('i32', i32Of(constant)),
  load: (address: I32, offset = 0): I32 => value('i32', address.code, access([0x28], offset)),
  load8: (address: I32, offset = 0): I32 => value('i32', address.code, access([0x2d], offset)),
  load16: (address: I32, offset = 0): I32 => value('i32', address.code, access([0x2f], offset)),
  store: (address: I32, stored: I32, offset = 0): Code => [address.code, stored.code, access([0x36], offset)],
  store16: (address: I32, stored: I32, offset = 0): Code => [
    address.code,
    stored.code,
    access([0x3b], offset),
  ],
  isZero: (a: I32): I32 => value('i32', a.code, 0x45),
  equals: binary(0x46),
  differs: binary(0x47),
  below: binary(0x49),
  trailingZeros: (a: I32): I32 => value('i32', a.code, 0x68),
  add: binary(0x6a),
  sub: binary(0x6b),
  and: binary(0x71),
  or: binary(0x72),
  shiftLeft: binary(0x74),
  /** Zeros come in from the left. */
  shiftRight: binary(0x76),
};

export const i64 = {
  const: (constant: bigint): I64 => value('i64', 0x42, ...signedLeb(BigInt.asIntN(64, constant))),
  load: (address: I32, offset = 0): I64 => value('i64', address.code, access([0x29], offset)),
  store: (address: I32, stored: I64, offset = 0): Code => [address.code, stored.code, access([0x37], offset)],
  equals: (a: I64, b: I64): I32 => value('i32', a.code, b.code, 0x51),
  mul: (a: I64, b: I64): I64 => value('i64', a.code, b.code, 0x7e),
  /** The upper bits, as many as that. */
  top: (a: I64, bits: number): I32 => value('i32', a.code, i64.const(BigInt(64 - bits)).code, 0x88, 0xa7),
};

export const f64 = {
  const: (constant: number): F64 => value('f64', 0x44, ...new Uint8Array(Float64Array.of(constant).buffer)),
  load: (address: I32, offset = 0): F64 => value('f64', address.code, access([0x2b], offset)),
  store: (address: I32, stored: F64, offset = 0): Code => [address.code, stored.code, access([0x39], offset)],
  add: (a: F64, b: F64): F64 => value('f64', a.code, b.code, 0xa0),
  mul: (a: F64, b: F64): F64 => value('f64', a.code, b.code, 0xa2),
  div: (a: F64, b: F64): F64 => value('f64', a.code, b.code, 0xa3),
  /** Of a number with a sign. */
  from: (integer: I32): F64 => value('f64', integer.code, 0xb7),
};

function simd(...code: readonly number[]): (a: V128, b: V128) => V128 {
  return (a, b) => value('v128', a.code, b.code, SIMD, ...code);
}

/**
 * Sixteen bytes: `u8`, eight numbers of 16 bits (`i16`), or four of 32 (`i32`). Constants are made anew by three instructions
 * wherever they are used: a loop loads them before it begins.
 */
export const v128 = {
  load: (address: I32, offset = 0): V128 => value('v128', address.code, access([SIMD, 0x00], offset)),
  u8: {
    /** Of each place in `b`, the byte of `a` at that place; 0 where it is 255. Other places that are none give what they give. */
    pick: simd(0x80, 2),
    equals: simd(0x23),
    sub: simd(0x71),
    /** At most 255. */
    addUpTo: simd(0x70),
    /** The uppermost bits of all bytes, the first one's lowest. */
    mask: (a: V128): I32 => value('i32', a.code, SIMD, 0x64),
  },
  i16: {
    /** Products of bytes in the same places, added in pairs: numbers of 16 bits. All bytes must be below 128. */
    dotBytes: simd(0x92, 2),
    /** Of numbers of 32 bits, those of `a` and then those of `b`; they must fit. */
    narrow: simd(0x86, 1),
  },
  i32: {
    /** Products of numbers of 16 bits in the same places, added in pairs: numbers of 32 bits. */
    dotShorts: simd(0xba, 1),
    lane: (a: V128, lane: number): I32 => value('i32', a.code, SIMD, 0x1b, lane),
  },
};

/** A parameter or variable of a function. */
export class Local<T extends ValueType> implements Value<T> {
  readonly type: T;
  readonly code: Code;
  readonly #index: number;

  constructor(type: T, index: number) {
    this.type = type;
    this.#index = index;
    this.code = [0x20, ...leb(index)];
  }

  set(to: Value<T>): Code {
    return [to.code, 0x21, ...leb(this.#index)];
  }
}

export const memory = {
  /** Copies `length` bytes; the two places may overlap. */
  copy: (to: I32, from: I32, length: I32): Code => [to.code, from.code, length.code, 0xfc, 0x0a, 0, 0],
};

/** No type: a block that leaves nothing. */
const VOID = 0x40;
const END = 0x0b;

/** Blocks may be nested; `depth` counts them from the innermost. */
export const flow = {
  /** `leave` ends it. */
  block: (...body: Code): Code => [0x02, VOID, body, END],
  /** `leave` begins it again; at its end it is over. */
  loop: (...body: Code): Code => [0x03, VOID, body, END],
  /** Counts as a block. */
  when: (condition: I32, ...body: Code): Code => [condition.code, 0x04, VOID, body, END],
  leave: (depth = 0): Code => [0x0c, ...leb(depth)],
  leaveIf: (condition: I32, depth = 0): Code => [condition.code, 0x0d, ...leb(depth)],
  returns: (result: I32): Code => [result.code, 0x0f],
};
