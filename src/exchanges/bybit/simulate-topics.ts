import type { SimulatedMarket } from '../simulation.ts';
import type { BybitMarket } from './markets.ts';
import { BookTopic, QuoteTopic } from './simulate-books.ts';
import type { SimulatedTopic, TopicContext } from './simulate-envelope.ts';
import { TickerTopic } from './simulate-ticker.ts';
import { TradesTopic } from './simulate-trades.ts';
import { readTopic } from './topics.ts';

const DEPTHS: Readonly<Record<string, number>> = {
  'orderbook.50': 50,
  'orderbook.200': 200,
  'orderbook.1000': 1000,
};

/** A topic of this market by its name; null where there is no such topic or symbol. */
export function makeTopic(name: string, market: BybitMarket, model: SimulatedMarket): SimulatedTopic | null {
  const meaning = readTopic(name);
  const symbol = model.symbol(meaning?.symbol ?? '');
  if (meaning === null || symbol === undefined) return null;
  const context: TopicContext = { market, model, topic: name };
  switch (meaning.variant) {
    case 'book': {
      const depth = DEPTHS[meaning.feed];
      return depth === undefined ? null : new BookTopic(context, symbol, depth);
    }
    case 'quote':
      return new QuoteTopic(context, symbol);
    case 'trade':
      return new TradesTopic(context, symbol);
    case 'ticker':
      return new TickerTopic(context, symbol);
    case null:
      return null;
  }
}
