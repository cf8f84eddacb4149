import type { DecimalReader } from '../../record/index.ts';
import { type Drift, type Reading, type Shape, ShapeReader, type TextSlot } from '../../shape/index.ts';
import { VARIANTS } from './shapes.ts';

/** Where a message comes from: the combined wrapper, or raw mode. */
export type Mode = 'wrapped' | 'bare';

/** One way a variant's messages are read, with the slots of its values. */
export class Source<S extends { readonly s: TextSlot }> {
  readonly reader: ShapeReader;
  readonly reading: Reading;
  readonly slots: S;

  constructor(shape: Shape, slots: S, decimals: DecimalReader, drift: Drift) {
    this.reader = new ShapeReader(shape, decimals, drift);
    this.reading = this.reader.reading;
    this.slots = slots;
  }
}

export type Sources<S extends { readonly s: TextSlot }> = Readonly<Record<Mode, Source<S>>>;

/** The readers of a link, by variant and mode. */
export function openSources(decimals: DecimalReader, drift: Drift) {
  const both = <S extends { readonly s: TextSlot }, B extends { readonly s: TextSlot }>(variant: {
    readonly wrapped: Shape;
    readonly bare: Shape;
    readonly slots: { readonly wrapped: S; readonly bare: B };
  }) => ({
    wrapped: new Source(variant.wrapped, variant.slots.wrapped, decimals, drift),
    bare: new Source(variant.bare, variant.slots.bare, decimals, drift),
  });
  return {
    trade: both(VARIANTS.trade),
    aggTrade: both(VARIANTS.aggTrade),
    depth: both(VARIANTS.depth),
    bookTicker: both(VARIANTS.bookTicker),
    ticker: both(VARIANTS.ticker),
    miniTicker: both(VARIANTS.miniTicker),
  };
}

type SlotsOf<V extends keyof typeof VARIANTS> = (typeof VARIANTS)[V]['slots']['bare'];
export type TradeSlots = SlotsOf<'trade'>;
export type AggregateSlots = SlotsOf<'aggTrade'>;
export type DiffSlots = SlotsOf<'depth'>;
export type QuoteSlots = SlotsOf<'bookTicker'>;
export type TickerSlots = SlotsOf<'ticker'>;
export type MiniSlots = SlotsOf<'miniTicker'>;
