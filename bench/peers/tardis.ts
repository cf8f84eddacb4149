import { createRequire } from 'node:module';
import { measure } from './measure.ts';

/**
 * tardis-dev on the flood: `node bench/peers/tardis.ts raw|trades|book <port> <messages>`.
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
process.env.WSS_URL_BINANCE = `ws://127.0.0.1:${port}/stream?timeUnit=microsecond`;
const tardis = createRequire(import.meta.url)('tardis-dev') as Tardis;
const Binance = tardis.getRealTimeFeedFactory('binance');
tardis.setRealTimeFeedFactory(
  'binance',
  class extends Binance {
    override httpURL = `http://127.0.0.1:${port}/api/v1`;
  },
);

const total = Number(count);
if (kind === 'raw') {
  const filters = [{ channel: 'trade', symbols: ['btcusdt'] }];
  const messages = tardis.stream({ exchange: 'binance', filters });
  await measure(messages, total, ({ message }) => (message.stream === undefined ? 0 : 1));
} else {
  const options = { exchange: 'binance', symbols: ['BTCUSDT'] };
  const [normalize, type, least] =
    kind === 'trades'
      ? [tardis.normalizeTrades, 'trade', total]
      : // It folds up to 2,000 diffs that come before its snapshot into it: those are never handed out.
        [tardis.normalizeBookChanges, 'book_change', Math.max(1, total - 2000)];
  await measure(tardis.streamNormalized(options, normalize), least, (one) => (one.type === type ? 1 : 0));
}
