import { type Market } from './market.ts';
/**
 * What a flood says: one kind of message of one symbol, or a blend of several. All of Binance spot but `usdm`: diffs of its
 * USD-M futures, whose numbers are not padded.
 */
export type Mode = 'trades' | 'deltas' | 'usdm' | 'quotes' | 'mix';
export declare const MODES: readonly Mode[];
/** A diff's feed is what tardis-dev asks for too: it takes the fastest of each market. */
export type Feed = 'trade' | 'depth@100ms' | 'depth@0ms' | 'bookTicker';
export declare const isDiff: (feed: Feed) => boolean;
/** One stream of the flood, by its name at the exchange, and its share of the messages. */
export interface Part {
    readonly market: Market;
    readonly feed: Feed;
    readonly weight: number;
}
/** A turn: how many distinct messages there are, and the powers of ten by which ids and times go on when they repeat. */
export interface Turn {
    readonly messages: number;
    readonly idSpan: number;
    readonly timeSpan: number;
}
/** Every id has 12 digits and every time 16 (13 in ms) in every turn, so that a turn changes digits and no lengths. */
export declare const FIRST_ID = 100000000000;
export declare const FIRST_TIME = 1780000000000000;
/** The streams of each mode. */
export declare const PARTS: Readonly<Record<Mode, readonly Part[]>>;
/** One message before it is a frame. */
export interface Message {
    readonly part: Part;
    readonly data: string;
}
/** What a mode says, in order. `messages` limits the distinct ones where fewer will be sent. */
export declare class Script {
    #private;
    readonly parts: readonly Part[];
    readonly turn: Turn;
    constructor(mode: Mode, { messages, micros }: {
        messages: number;
        micros?: boolean;
    });
    messages(): Generator<Message>;
}
/** The name a part is subscribed by. */
export declare function nameOf({ market: { symbol }, feed }: Part): string;
