import { createRequire } from 'node:module';
import { measure } from './measure.ts';

/**
 * tardis-dev on the flood: `node bench/peers/tardis.ts raw|trades|book|usdm <port> <messages>`.
 *
 * Bent to the local server by its own means: the environment variable it reads for each exchange's address, and for
 * the REST book a feed class of its own kind whose REST address is ours, set with its `setRealTimeFeedFactory`.
 */
interface Feed {
  httpURL: string;
}
type Normalizer = (...args: never[]) => unknown;
interface Tardis {
  getRealTimeFeedFactory(exchange: string): new (...args: unknown[]) => Feed;
  setRealTimeFeedFactory(exchange: string, feed: new (...args: unknown[]) => Feed): void;
  stream(options: object): AsyncIterable<{ readonly message: { readonly stream?: string } }>;
  streamNormalized(options: object, ...normalizers: Normalizer[]): AsyncIterable<{ readonly type: string }>;
  readonly normalizeTrades: Normalizer;
  readonly normalizeBookChanges: Normalizer;
}

const [kind = '', port = '', count = ''] = process.argv.slice(2);
// Of futures it takes diffs as fast as they come.
const [exchange, query, api] =
  kind === 'usdm' ? ['binance-futures', '', 'fapi/v1'] : ['binance', '?timeUnit=microsecond', 'api/v1'];
process.env[`WSS_URL_${exchange.replace('-', '_').toUpperCase()}`] = `ws://127.0.0.1:${port}/stream${query}`;
const tardis = createRequire(import.meta.url)('tardis-dev') as Tardis;
const Binance = tardis.getRealTimeFeedFactory(exchange);
tardis.setRealTimeFeedFactory(
  exchange,
  class extends Binance {
    override httpURL = `http://127.0.0.1:${port}/${api}`;
  },
);

const total = Number(count);
if (kind === 'raw') {
  const filters = [{ channel: 'trade', symbols: ['btcusdt'] }];
  const messages = tardis.stream({ exchange, filters });
  await measure(messages, total, ({ message }) => (message.stream === undefined ? 0 : 1));
} else {
  const options = { exchange, symbols: ['BTCUSDT'] };
  const [normalize, type, least] =
    kind === 'trades'
      ? [tardis.normalizeTrades, 'trade', total]
      : // It folds up to 2,000 diffs that come before its snapshot into it: those are never handed out.
        [tardis.normalizeBookChanges, 'book_change', Math.max(1, total - 2000)];
  await measure(tardis.streamNormalized(options, normalize), least, (one) => (one.type === type ? 1 : 0));
}
