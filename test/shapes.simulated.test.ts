import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DialectSession, EXCHANGES, type Exchange, type Market } from '../src/exchanges/index.ts';
import { type Channel, DecimalReader, type Stream } from '../src/record/index.ts';
import { MarketModel, specifySymbols } from '../src/simulator/index.ts';
import { messageOf, ReaderPair } from './readings.ts';

/*
 * The byte reader gives what the reference reader gives on what the simulated exchanges say, over simulated time:
 * FEEDTAPE_SIMULATED_SECONDS of it (an hour is 3600), every market at its share of the usual 300 messages a second.
 */
const SECONDS = Number(process.env.FEEDTAPE_SIMULATED_SECONDS ?? 60);
const MESSAGES_PER_SECOND =
  300 / EXCHANGES.reduce((sum, { markets }) => sum + Object.keys(markets).length, 0);
const TICK_MS = 100;
const START_MS = 1_784_000_000_000;

/** Every default feed of the market's first symbols, as a config would ask for them. */
function streamsOf(market: Market, symbols: readonly string[]): Stream[] {
  return Object.entries(market.channels).flatMap(([channel, feeds]) =>
    symbols.map((symbol) => ({
      market: market.name,
      channel: channel as Channel,
      feed: feeds.defaultFeed,
      symbol,
    })),
  );
}

/** Connects to a simulated market, subscribes, and lets it speak in simulated time. */
function speak(exchange: Exchange, market: Market, heard: (text: string) => void): void {
  let nowMs = START_MS;
  const specifications = specifySymbols(market);
  const model = new MarketModel('shapes', specifications, () => nowMs * 1000);
  const dialect = exchange.simulate(market.name, model);
  const streams = streamsOf(
    market,
    specifications.slice(0, 2).map(({ name }) => name),
  );
  const sessions: DialectSession[] = [];
  for (const plan of exchange.planLinks({ market: market.name, streams })) {
    const session = dialect.connect(new URL(plan.url), heard);
    assert.ok(session !== null, `${plan.url} was refused`);
    for (const text of plan.greeting) session.receive(text);
    for (const { text } of plan.subscribe) session.receive(text);
    sessions.push(session);
  }
  let owed = 0;
  for (const endMs = START_MS + SECONDS * 1000; nowMs < endMs; nowMs += TICK_MS) {
    for (const session of sessions) session.tick(nowMs);
    owed += (MESSAGES_PER_SECOND * TICK_MS) / 1000;
    for (let n = 0; owed >= 1; owed--, n++) sessions[n % sessions.length]?.publish();
  }
}

for (const exchange of EXCHANGES)
  for (const market of Object.values(exchange.markets))
    test(`${exchange.name} ${market.name}: both readers agree on ${SECONDS} s of the simulated exchange`, () => {
      const pairs = exchange.shapes.map((shape) => new ReaderPair(shape, () => new DecimalReader()));
      let messages = 0;
      speak(exchange, market, (text) => {
        messages++;
        const message = messageOf(Buffer.from(text));
        for (const pair of pairs)
          assert.equal(pair.compare(message), null, `${pair.shape.name}: ${JSON.stringify(text)}`);
      });
      const read = pairs.reduce((sum, pair) => sum + pair.read, 0);
      const declined = pairs.reduce((sum, pair) => sum + pair.declined, 0);
      assert.ok(read > messages * 0.8, `${read} of ${messages} messages were read by bytes`);
      // A message may fit a second shape that is not the one its route reads it by.
      assert.ok(declined <= messages * 0.05, `${declined} of ${messages} messages need JSON.parse`);
    });
