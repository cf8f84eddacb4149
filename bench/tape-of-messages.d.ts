import type { Mode } from './flood/script.ts';
/** Messages one behind the other in one buffer, as a chunk holds them. */
export interface MessageTape {
    readonly bytes: Buffer;
    /** Where each message ends; the next one begins there. */
    readonly ends: readonly number[];
}
export declare function tapeOf(messages: readonly string[]): MessageTape;
/** Calls `read` with the place of each message. */
export declare function eachMessage({ bytes, ends }: MessageTape, read: (bytes: Buffer, start: number, end: number) => void): void;
/** The first messages of a flood, in the combined wrapper. */
export declare function floodMessages(mode: Mode, count: number): string[];
/** Trades as Bybit's documentation shows them, one a message, ids as UUIDs. */
export declare function bybitTrades(count: number): string[];
