import { type Random } from './random.ts';
/**
 * What one symbol of the flood says, as Binance says it. The statistics are life's or harder to compress than
 * life's, which `bench/entropy.ts` checks against captured trades:
 *
 * - trades: 40 % at the price before, other moves log-normal in ticks; the taker's side stays the same in 80 %; a
 *   quarter shares its matching time with the trade before (one order filled by several), other gaps are log-normal;
 *   amounts log-normal on the lot grid, one in five a round number; pushed some ms after the match, log-normal too.
 * - diffs: ten bids and ten asks near a moving mid; a quarter of the levels that exist are deleted when they change,
 *   and all that the mid has crossed; 1 to 40 update ids each.
 * - quotes: the best prices stay in 80 %, and then one of the amounts changes.
 */
export interface Market {
    /** Upper case, as payloads spell it. */
    readonly symbol: string;
    readonly venue: Venue;
    /** In ticks of the venue. */
    readonly mid: number;
    /** Update and trade ids begin here: a multiple of every power of ten that a turn may span. */
    readonly firstId: number;
}
/** Numbers that move on by one turn each time the tape is played again, by the key they stand behind. */
export declare const TURNING: {
    readonly ids: readonly ['"t":', '"U":', '"u":', '"pu":'];
    readonly times: readonly ['"E":', '"T":'];
};
type TimeText = (µs: number) => string;
/** Where a symbol is traded: how numbers are written there, and what its diffs say. */
export interface Venue {
    readonly priceText: (ticks: number) => string;
    readonly amountText: (lots: number) => string;
    /** An amount in the middle, lots. */
    readonly medianLots: number;
    /** Diffs name the one before them (`pu`), and a snapshot's id is one of the first diff's own. */
    readonly isFutures: boolean;
}
/** Spot pads all numbers to eight decimals. BTCUSDT: ticks of 0.01, lots of 0.00001. */
export declare const SPOT: Venue;
/** USD-M futures write as many decimals as the symbol has. BTCUSDT: ticks of 0.10, lots of 0.001. */
export declare const USDM: Venue;
/** The matching times of `count` messages: in bursts, from 0 to just below `span`, µs. */
export declare function times(random: Random, count: number, span: number): Float64Array;
/** One payload after another; `count` are asked for in all. */
export type Speaker = (time: number) => string;
export declare function trades(market: Market, random: Random, count: number, timeText: TimeText): Speaker;
/** Ends its chain of update ids at the last number of the turn, so that the next turn's first diff continues it. */
export declare function diffs(market: Market, random: Random, count: number, timeText: TimeText, idSpan: number): Speaker;
export declare function quotes(market: Market, random: Random, count: number): Speaker;
/** The REST book that the first diff continues. */
export declare function snapshot(market: Market, random: Random): string;
export {};
