/**
 * Message shapes: an exchange declares each message once, and from that one declaration come the byte reader, the
 * reference reader over JSON.parse, the field list of the exchange's README, and the noticing of fields that nobody
 * has declared (drift).
 *
 * Guarantees: a byte reader gives what the reference reader gives, or declines and lets it decide; it never reads past
 * a frame; numbers are the nearest doubles, and those that do not print back to their decimal are counted. A handler
 * that asks for a field its shape lacks does not compile. Left to others: which shape a frame has (the exchange's
 * routing), and what its values mean.
 *
 *     declaration ──shape()──> slots, for handlers
 *                └──> ByteReader ──declines──> ReferenceReader ──> Reading ──slots──> values
 */
export { ByteReader } from './byte-reader.ts';
export { type Shape, shape } from './compile.ts';
export {
  blankable,
  choice,
  constant,
  decimal,
  type Field,
  figure,
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
  text,
  time,
  tuple,
} from './declare.ts';
export { Drift } from './drift.ts';
export { type FieldLine, fieldsOf } from './fields.ts';
export { startsWith } from './json-bytes.ts';
export { ShapeReader, type Verdict } from './reader.ts';
export { Reading } from './reading.ts';
export { ReferenceReader } from './reference-reader.ts';
export type { BothSlot, ListSlot, NumberSlot, TextSlot } from './slots.ts';
