import { closedWalk } from './random.js';
/** Numbers that move on by one turn each time the tape is played again, by the key they stand behind. */
export const TURNING = { ids: ['"t":', '"U":', '"u":', '"pu":'], times: ['"E":', '"T":'] };
/** Levels a diff changes on each side. */
const LEVELS = 10;
/** Levels a snapshot lists on each side. */
const SNAPSHOT_LEVELS = 1000;
/** Spot pads all numbers to eight decimals. BTCUSDT: ticks of 0.01, lots of 0.00001. */
export const SPOT = {
    priceText: (ticks) => (ticks / 100).toFixed(8),
    amountText: (lots) => (lots / 100_000).toFixed(8),
    medianLots: 2500,
    isFutures: false,
};
/** USD-M futures write as many decimals as the symbol has. BTCUSDT: ticks of 0.10, lots of 0.001. */
export const USDM = {
    priceText: (ticks) => (ticks / 10).toFixed(2),
    amountText: (lots) => (lots / 1000).toFixed(3),
    medianLots: 25,
    isFutures: true,
};
function amount(random, { amountText, medianLots }) {
    const lots = Math.ceil(random.logNormal(medianLots, 1.9));
    if (!random.chance(0.2))
        return amountText(lots);
    const magnitude = 10 ** Math.floor(Math.log10(lots));
    return amountText(Math.ceil(lots / magnitude) * magnitude);
}
/** The matching times of `count` messages: in bursts, from 0 to just below `span`, µs. */
export function times(random, count, span) {
    const gaps = Float64Array.from({ length: count }, () => random.chance(0.25) ? 0 : random.logNormal(1, 1.5));
    const scale = (0.95 * span) / gaps.reduce((sum, gap) => sum + gap, 0);
    let time = 0;
    return gaps.map((gap) => {
        time += gap * scale;
        return Math.floor(time);
    });
}
export function trades(market, random, count, timeText) {
    const moves = Array.from({ length: count }, () => random.chance(0.4) ? 0 : Math.ceil(random.logNormal(8, 1.6)) * (random.chance(0.5) ? 1 : -1));
    const walk = closedWalk(moves);
    let next = 0;
    let sells = false;
    return (time) => {
        const price = market.venue.priceText(market.mid + (walk[next] ?? 0));
        if (random.chance(0.2))
            sells = !sells;
        const pushed = time + 100 + Math.floor(random.logNormal(2000, 1));
        return `{"e":"trade","E":${timeText(pushed)},"s":"${market.symbol}","t":${market.firstId + next++},"p":"${price}","q":"${amount(random, market.venue)}","T":${timeText(time)},"m":${sells},"M":true}`;
    };
}
/** Ends its chain of update ids at the last number of the turn, so that the next turn's first diff continues it. */
export function diffs(market, random, count, timeText, idSpan) {
    const moves = Array.from({ length: count }, () => (random.chance(0.3) ? random.below(7) - 3 : 0));
    const walk = closedWalk(moves);
    const book = new SimpleBook(market, walk);
    const { symbol } = market;
    let id = market.firstId;
    let next = 0;
    return (time) => {
        const mid = market.mid + (walk[next++] ?? 0);
        const first = id;
        id = next === count ? market.firstId + idSpan : id + 1 + random.below(40);
        const [bids, asks] = [book.change(random, mid, -1), book.change(random, mid, 1)];
        const pushed = timeText(time + 100 + random.below(900));
        if (market.venue.isFutures)
            // One more than on spot, so that the first `pu` of a turn is the turn's first id, which has all its digits.
            return `{"e":"depthUpdate","E":${pushed},"T":${timeText(time)},"s":"${symbol}","U":${first + 1},"u":${id},"pu":${first},"b":[${bids}],"a":[${asks}],"ps":"${symbol}","st":1}`;
        return `{"e":"depthUpdate","E":${pushed},"s":"${symbol}","U":${first},"u":${id - 1},"b":[${bids}],"a":[${asks}]}`;
    };
}
/** Which levels exist: enough of a book to delete only what is there, and what the mid has crossed. */
class SimpleBook {
    #lowest;
    #exists;
    #venue;
    #mid;
    constructor({ mid, venue }, walk) {
        this.#venue = venue;
        let [least, most] = [0, 0];
        for (const offset of walk)
            [least, most] = [Math.min(least, offset), Math.max(most, offset)];
        this.#lowest = mid + least - 4 * SNAPSHOT_LEVELS;
        this.#exists = new Uint8Array(most - least + 8 * SNAPSHOT_LEVELS);
        this.#exists.fill(1, mid - this.#lowest - SNAPSHOT_LEVELS, mid - this.#lowest + SNAPSHOT_LEVELS + 1);
        this.#mid = mid;
    }
    /** One side's changed levels as JSON, best first; `side` -1: bids, 1: asks. The mid itself belongs to neither. */
    change(random, mid, side) {
        const changed = new Map();
        for (let price = this.#mid + side; (mid - price) * side >= 0; price += side)
            if (changed.size < LEVELS)
                changed.set(price, this.#delete(price));
        while (changed.size < LEVELS) {
            const distance = 1 + Math.min(3 * SNAPSHOT_LEVELS, Math.floor(random.logNormal(20, 1.3)));
            const price = mid + side * distance;
            if (changed.has(price))
                continue;
            const deletes = this.#exists[price - this.#lowest] === 1 && random.chance(0.25);
            changed.set(price, deletes ? this.#delete(price) : this.#set(price, amount(random, this.#venue)));
        }
        if (side === 1)
            this.#mid = mid;
        const sorted = [...changed].sort(([a], [b]) => (a - b) * side);
        return sorted.map(([price, text]) => `["${this.#venue.priceText(price)}","${text}"]`).join(',');
    }
    #delete(price) {
        this.#exists[price - this.#lowest] = 0;
        return this.#venue.amountText(0);
    }
    #set(price, text) {
        this.#exists[price - this.#lowest] = 1;
        return text;
    }
}
export function quotes(market, random, count) {
    const { priceText } = market.venue;
    const moves = Array.from({ length: count }, () => (random.chance(0.2) ? random.below(9) - 4 : 0));
    const walk = closedWalk(moves);
    let id = market.firstId;
    let next = 0;
    let [bidAmount, askAmount] = [amount(random, market.venue), amount(random, market.venue)];
    return () => {
        const mid = market.mid + (walk[next] ?? 0);
        const moved = moves[next++] !== 0;
        const bidChanges = random.chance(0.5);
        if (moved || bidChanges)
            bidAmount = amount(random, market.venue);
        if (moved || !bidChanges)
            askAmount = amount(random, market.venue);
        id += 1 + random.below(5);
        return `{"u":${id},"s":"${market.symbol}","b":"${priceText(mid - 1)}","B":"${bidAmount}","a":"${priceText(mid + 1)}","A":"${askAmount}"}`;
    };
}
/** The REST book that the first diff continues. */
export function snapshot(market, random) {
    const { priceText, isFutures } = market.venue;
    const last = isFutures ? market.firstId + 1 : market.firstId - 1;
    const side = (sign) => Array.from({ length: SNAPSHOT_LEVELS }, (_, index) => `["${priceText(market.mid + sign * (index + 1))}","${amount(random, market.venue)}"]`).join(',');
    return `{"lastUpdateId":${last},"bids":[${side(-1)}],"asks":[${side(1)}]}`;
}
