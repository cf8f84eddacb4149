import type { SimulatedSymbol } from '../simulation.ts';
import {
  crossSequence,
  pushedMs,
  type SimulatedTopic,
  type TopicContext,
  tickerEnvelope,
} from './simulate-envelope.ts';

type Fields = Record<string, string>;

const FUNDING_MS = 8 * 3_600_000;
/** How often a delta tells of the mark price alone, which is in no column of the `tickers` table. */
const MARK_ALONE = 0.3;
const OF_THE_MARK: ReadonlySet<string> = new Set(['markPrice', 'indexPrice', 'openInterestValue']);

/** `tickers`: spot sends all fields each time, the contracts only those that changed (protocols/bybit.md 8). */
export class TickerTopic implements SimulatedTopic {
  readonly name: string;
  readonly weight = 0.3;
  readonly #context: TopicContext;
  readonly #symbol: SimulatedSymbol;
  readonly #decimals: number;
  /** What the client knows. */
  #sent: Fields = {};
  #markPrice = '';

  constructor(context: TopicContext, symbol: SimulatedSymbol) {
    this.name = context.topic;
    this.#context = context;
    this.#symbol = symbol;
    this.#decimals = symbol.tickSize.split('.')[1]?.length ?? 0;
  }

  first(): string {
    this.#moveMark();
    this.#sent = this.#fields();
    return this.#message('snapshot', this.#sent);
  }

  next(): string | null {
    const { model, market } = this.#context;
    if (market.name === 'spot') {
      this.#symbol.move(2);
      return this.first();
    }
    this.#moveMark();
    return this.#delta(model.random() < MARK_ALONE);
  }

  /** The fields that changed; with `markAlone` those of the mark price, and the rest the next time. */
  #delta(markAlone: boolean): string | null {
    if (!markAlone) this.#symbol.move(2);
    const changed = Object.entries(this.#fields()).filter(
      ([name, value]) => value !== this.#sent[name] && (!markAlone || OF_THE_MARK.has(name)),
    );
    if (changed.length === 0) return null;
    const fields = Object.fromEntries(changed);
    this.#sent = { ...this.#sent, ...fields };
    return this.#message('delta', { symbol: this.#symbol.name, ...fields });
  }

  /** The mark price wanders around the last price by some ticks. */
  #moveMark(): void {
    const last = Number(this.#symbol.day().last);
    const ticks = Math.round((this.#context.model.random() - 0.5) * 6);
    this.#markPrice = (last + ticks * Number(this.#symbol.tickSize)).toFixed(this.#decimals);
  }

  #message(type: 'snapshot' | 'delta', fields: Fields): string {
    const { model } = this.#context;
    const ts = pushedMs(model, this.#symbol);
    return tickerEnvelope(this.#context, type, ts, crossSequence(this.#symbol), fields);
  }

  #fields(): Fields {
    return this.#context.market.name === 'spot' ? this.#spotFields() : this.#contractFields();
  }

  #spotFields(): Fields {
    const day = this.#symbol.day();
    return {
      symbol: this.#symbol.name,
      lastPrice: day.last,
      highPrice24h: day.high,
      lowPrice24h: day.low,
      prevPrice24h: day.open,
      volume24h: day.volume,
      turnover24h: day.quoteVolume,
      price24hPcnt: changeOf(day.open, day.last),
      usdIndexPrice: this.#markPrice,
    };
  }

  #contractFields(): Fields {
    const day = this.#symbol.day();
    const bid = this.#symbol.levels('bid', 1)[0];
    const ask = this.#symbol.levels('ask', 1)[0];
    return {
      symbol: this.#symbol.name,
      tickDirection: 'PlusTick',
      price24hPcnt: changeOf(day.open, day.last),
      lastPrice: day.last,
      prevPrice24h: day.open,
      highPrice24h: day.high,
      lowPrice24h: day.low,
      prevPrice1h: day.open,
      markPrice: this.#markPrice,
      indexPrice: this.#markPrice,
      openInterest: '492373.72',
      openInterestValue: (492373.72 * Number(this.#markPrice)).toFixed(2),
      turnover24h: day.quoteVolume,
      volume24h: day.volume,
      fundingIntervalHour: '8',
      fundingCap: '0.005',
      nextFundingTime: String(Math.ceil(this.#context.model.now() / 1000 / FUNDING_MS) * FUNDING_MS),
      fundingRate: '0.0001',
      bid1Price: bid?.price ?? '',
      bid1Size: bid?.amount ?? '',
      ask1Price: ask?.price ?? '',
      ask1Size: ask?.amount ?? '',
      preOpenPrice: '',
      preQty: '',
      curPreListingPhase: '',
    };
  }

  tick(): null {
    return null;
  }
}

/** The day's change as a fraction. */
function changeOf(open: string, last: string): string {
  const before = Number(open);
  return before > 0 ? ((Number(last) - before) / before).toFixed(6) : '0';
}
