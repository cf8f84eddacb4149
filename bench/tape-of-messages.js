import { nameOf, Script } from './flood/script.js';
export function tapeOf(messages) {
    const parts = messages.map((message) => Buffer.from(message));
    let end = 0;
    const ends = parts.map(({ length }) => {
        end += length;
        return end;
    });
    return { bytes: Buffer.concat(parts), ends };
}
/** Calls `read` with the place of each message. */
export function eachMessage({ bytes, ends }, read) {
    let start = 0;
    for (const end of ends) {
        read(bytes, start, end);
        start = end;
    }
}
/** The first messages of a flood, in the combined wrapper. */
export function floodMessages(mode, count) {
    const messages = [];
    for (const { part, data } of new Script(mode, { messages: count }).messages())
        messages.push(`{"stream":"${nameOf(part)}","data":${data}}`);
    return messages;
}
/** Trades as Bybit's documentation shows them, one a message, ids as UUIDs. */
export function bybitTrades(count) {
    return Array.from({ length: count }, (_, n) => {
        const time = 1_784_000_000_000 + n * 7;
        const id = `20f43950-d8dd-5b31-9112-${String(178_600_000_000 + n)}`;
        const price = (16_578.5 + (n % 97) / 10).toFixed(2);
        return `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":${time + 3},"data":[{"T":${time},"s":"BTCUSDT","S":"${n % 3 === 0 ? 'Sell' : 'Buy'}","v":"0.0${(n % 89) + 10}","p":"${price}","L":"PlusTick","i":"${id}","BT":false,"seq":${1_783_284_617 + n}}]}`;
    });
}
