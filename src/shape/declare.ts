/**
 * The words a message is declared in. A declaration is data: `compile.ts` turns it into what both readers walk.
 *
 * | word | in the frame | slot gives |
 * |---|---|---|
 * | `decimal` | decimal text | the nearest double, and the text |
 * | `figure` | the same, of which nobody asks for the text | the nearest double |
 * | `number` | JSON number, or decimal text | the same |
 * | `integer` | JSON number, whole and exact | the number, and the text |
 * | `id` | text, or a whole number from 0 | the text, and the number where it is one |
 * | `time` | number or digits in quotes, s, ms or µs | µs since the epoch; NaN of what is none |
 * | `text` | text | the text |
 * | `flag` | `true` or `false` | 1 or 0 |
 * | `choice` | one of these texts | its index |
 * | `constant` | this text | nothing |
 * | `ignored` | whatever is there, or nothing | nothing |
 * | `object`, `tuple` | fields by name, fields by place | slots of its fields |
 * | `list` | one field, as often as it comes | a row of cells for each |
 *
 * `optional`: may be absent or null, decimals also the empty text; its slot then gives NaN and no text. `blankable`: a
 * decimal's empty text and null are told from its absence. `lax`: optional, and whatever is none counts as absent. What comes
 * behind the declared end of a tuple, and keys that are not declared, are passed over and counted as drift.
 */
export type ScalarKind =
  | 'decimal'
  | 'figure'
  | 'number'
  | 'integer'
  | 'id'
  | 'time'
  | 'text'
  | 'flag'
  | 'choice'
  | 'constant'
  | 'ignored';

export interface Scalar<K extends ScalarKind = ScalarKind> {
  readonly kind: K;
  /** What the field says, for the exchange's README; empty where its name says it. */
  readonly meaning: string;
  readonly optional: boolean;
  /** The texts of a choice, or the one of a constant. */
  readonly texts: readonly string[];
  /** Of a choice: whatever else comes is taken too, and gives NaN. */
  readonly open: boolean;
  /** Of a decimal: an empty text and null are values too. */
  readonly isBlankable: boolean;
  /** Of a number: what is none counts as absent. */
  readonly isLax: boolean;
}

export interface ObjectField<F extends Fields = Fields> {
  readonly kind: 'object';
  readonly fields: F;
  readonly optional: boolean;
}

export interface TupleField<F extends readonly Field[] = readonly Field[]> {
  readonly kind: 'tuple';
  readonly items: F;
  readonly optional: boolean;
}

export interface ListField<F extends ListItem = ListItem> {
  readonly kind: 'list';
  readonly item: F;
  readonly optional: boolean;
}

/** Lists are not nested in lists: no exchange needs it. */
export type ListItem = Scalar | ObjectField<Record<string, Scalar>> | TupleField<readonly Scalar[]>;
export type Field = Scalar | ObjectField | TupleField | ListField;
export type Fields = { readonly [name: string]: Field };

function scalar<K extends ScalarKind>(
  kind: K,
  meaning: string,
  texts: readonly string[] = [],
  open = false,
): Scalar<K> {
  return { kind, meaning, optional: kind === 'ignored', texts, open, isBlankable: false, isLax: false };
}

/** A price, an amount: a decimal in quotes. */
export function decimal(meaning = ''): Scalar<'decimal'> {
  return scalar('decimal', meaning);
}

/** A decimal in quotes of which the number alone is kept: lists of pairs of them are read quickest (`level-lists.ts`). */
export function figure(meaning = ''): Scalar<'figure'> {
  return scalar('figure', meaning);
}

/** A price, an amount: a JSON number, or a decimal in quotes. */
export function number(meaning = ''): Scalar<'number'> {
  return scalar('number', meaning);
}

/** A whole number that a double holds exactly. */
export function integer(meaning = ''): Scalar<'integer'> {
  return scalar('integer', meaning);
}

/** What names a thing: its text is kept as it stands, never as a number that has lost digits. */
export function id(meaning = ''): Scalar<'id'> {
  return scalar('id', meaning);
}

/** A time since the epoch: s, ms or µs, told by its size, quoted or not. */
export function time(meaning = ''): Scalar<'time'> {
  return scalar('time', meaning);
}

export function text(meaning = ''): Scalar<'text'> {
  return scalar('text', meaning);
}

export function flag(meaning = ''): Scalar<'flag'> {
  return scalar('flag', meaning);
}

/** One of these texts; anything else is another message. */
export function choice(texts: readonly string[], meaning = ''): Scalar<'choice'> {
  return scalar('choice', meaning, texts);
}

/** One of these texts, or something that nobody has described. */
export function openChoice(texts: readonly string[], meaning = ''): Scalar<'choice'> {
  return scalar('choice', meaning, texts, true);
}

/** This text: what tells the message from others. */
export function constant(value: string, meaning = ''): Scalar<'constant'> {
  return scalar('constant', meaning, [value]);
}

/** Known, and not used. */
export function ignored(meaning = ''): Scalar<'ignored'> {
  return scalar('ignored', meaning);
}

export function object<F extends Fields>(fields: F): ObjectField<F> {
  return { kind: 'object', fields, optional: false };
}

export function tuple<F extends readonly Field[]>(...items: F): TupleField<F> {
  return { kind: 'tuple', items, optional: false };
}

export function list<F extends ListItem>(item: F): ListField<F> {
  return { kind: 'list', item, optional: false };
}

/** May be absent or null. */
export function optional<F extends Field>(field: F): F {
  return { ...field, optional: true };
}

/** An empty text or null is a value, "not applicable": its slot gives NaN and an empty text, where of an absent field it gives none. */
export function blankable<F extends Scalar<'decimal'> | Scalar<'number'>>(field: F): F {
  return { ...field, isBlankable: true };
}

/** May be absent, and what is no such number is passed over as if it were: for what is good to have and no more. */
export function lax<F extends Scalar<'decimal'> | Scalar<'number'> | Scalar<'integer'>>(field: F): F {
  return { ...field, optional: true, isLax: true };
}
