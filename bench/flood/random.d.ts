/** Random numbers of the flood: seeded, so that every run sends the same bytes. */
export declare class Random {
    #private;
    constructor(seed: number);
    /** Uniform in [0, 1): mulberry32. */
    uniform(): number;
    /** True with this probability. */
    chance(probability: number): boolean;
    /** A whole number in [0, below). */
    below(below: number): number;
    exponential(mean: number): number;
    /** Log-normal: heavy-tailed, as sizes, price moves and waiting times are. */
    logNormal(median: number, sigma: number): number;
}
/**
 * A walk that ends where it began, so that it can be played again and again: the way back is spread over the steps
 * that move. Where `moves` stands still, so does the walk.
 */
export declare function closedWalk(moves: readonly number[]): Int32Array;
