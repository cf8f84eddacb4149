import type { DecimalReader } from '../../record/index.ts';
import { type Drift, type NumberSlot, type Reading, type Shape, ShapeReader } from '../../shape/index.ts';
import type { TailSlots } from './flags.ts';
import {
  CHECKSUM,
  ENTRIES,
  ENTRY,
  FUNDING_TRADE,
  HEARTBEAT,
  OTHER,
  TICKER,
  TRADE,
  TRADES,
} from './shapes.ts';

/** One shape's reader, with the slots of its values and of its tail. */
export class Source<S = unknown> {
  readonly reader: ShapeReader;
  readonly reading: Reading;
  readonly slots: S;
  readonly tail: TailSlots;

  constructor(shape: Shape, slots: S, tail: TailSlots, decimals: DecimalReader, drift: Drift) {
    this.reader = new ShapeReader(shape, decimals, drift);
    this.reading = this.reader.reading;
    this.slots = slots;
    this.tail = tail;
  }
}

/** Slots of an array: its last two places are the tail. */
type WithTail = readonly [...unknown[], NumberSlot, NumberSlot];

/** The readers of a link. */
export function openSources(decimals: DecimalReader, drift: Drift) {
  const open = <S extends WithTail>(shape: Shape, slots: S): Source<S> => {
    const [first, second] = slots.slice(-2) as [NumberSlot, NumberSlot];
    return new Source(shape, slots, { first, second }, decimals, drift);
  };
  return {
    heartbeat: open(HEARTBEAT, HEARTBEAT.slots),
    checksum: open(CHECKSUM, CHECKSUM.slots),
    trade: open(TRADE, TRADE.slots),
    trades: open(TRADES, TRADES.slots),
    ticker: open(TICKER, TICKER.slots),
    entry: open(ENTRY, ENTRY.slots),
    entries: open(ENTRIES, ENTRIES.slots),
    fundingTrade: open(FUNDING_TRADE, FUNDING_TRADE.slots),
    other: open(OTHER, OTHER.slots),
  };
}

export type Sources = ReturnType<typeof openSources>;
