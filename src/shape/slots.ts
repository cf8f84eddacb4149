import type { ListField, ObjectField, Scalar, ScalarKind, TupleField } from './declare.ts';

declare const isNumber: unique symbol;
declare const isText: unique symbol;
declare const itemOf: unique symbol;

/** Where a reading keeps a field: an index that only the readings of its own shape understand. */
export type NumberSlot = number & { readonly [isNumber]: true };
export type TextSlot = number & { readonly [isText]: true };
export type BothSlot = NumberSlot & TextSlot;
/** A list, and the slots of each of its items. */
export type ListSlot<I> = number & { readonly [itemOf]: I };

type ScalarSlot<K extends ScalarKind> = K extends 'decimal' | 'number' | 'integer' | 'id' | 'choice'
  ? BothSlot
  : K extends 'figure' | 'time' | 'flag'
    ? NumberSlot
    : K extends 'text'
      ? TextSlot
      : null;

/** The slots of a declaration, in its own structure: what a handler asks a reading with. */
export type SlotsOf<F> =
  F extends Scalar<infer K>
    ? ScalarSlot<K>
    : F extends ObjectField<infer M>
      ? { readonly [N in keyof M]: SlotsOf<M[N]> }
      : F extends TupleField<infer T>
        ? { readonly [N in keyof T]: SlotsOf<T[N]> }
        : F extends ListField<infer I>
          ? { readonly list: ListSlot<SlotsOf<I>>; readonly item: SlotsOf<I> }
          : never;
