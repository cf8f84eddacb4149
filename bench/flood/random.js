/** Random numbers of the flood: seeded, so that every run sends the same bytes. */
export class Random {
    #state;
    constructor(seed) {
        this.#state = seed;
    }
    /** Uniform in [0, 1): mulberry32. */
    uniform() {
        this.#state = (this.#state + 0x6d2b79f5) | 0;
        let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    }
    /** True with this probability. */
    chance(probability) {
        return this.uniform() < probability;
    }
    /** A whole number in [0, below). */
    below(below) {
        return Math.floor(this.uniform() * below);
    }
    exponential(mean) {
        return -Math.log(1 - this.uniform()) * mean;
    }
    /** Log-normal: heavy-tailed, as sizes, price moves and waiting times are. */
    logNormal(median, sigma) {
        const normal = Math.sqrt(this.exponential(2)) * Math.cos(2 * Math.PI * this.uniform());
        return median * Math.exp(sigma * normal);
    }
}
/**
 * A walk that ends where it began, so that it can be played again and again: the way back is spread over the steps
 * that move. Where `moves` stands still, so does the walk.
 */
export function closedWalk(moves) {
    const total = moves.reduce((sum, move) => sum + move, 0);
    const moving = moves.reduce((count, move) => count + (move === 0 ? 0 : 1), 0);
    let raw = 0;
    let moved = 0;
    return Int32Array.from(moves, (move) => {
        raw += move;
        if (move !== 0)
            moved++;
        return Math.round(raw - (moving === 0 ? 0 : (total * moved) / moving));
    });
}
