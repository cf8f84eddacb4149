import { ByteTable } from '../../record/index.ts';
import type { DecoderHost } from '../exchange.ts';
import type { Asked } from './asked.ts';
import { isPseudoMarket } from './instruments.ts';
import { CHANNEL_OF, type WireChannel } from './requests.ts';

/** A market that pushes have named, and the codes of its streams besides the book; -1 before their first use. */
export interface NamedMarket {
  readonly name: string;
  readonly isPseudo: boolean;
  readonly codes: Record<Exclude<WireChannel, 'depth'>, number>;
}

/** The markets of one link, found by the bytes of their names. */
export class LinkMarkets {
  readonly #host: DecoderHost;
  readonly #asked: Asked;
  readonly #markets = new ByteTable<NamedMarket>();

  constructor(host: DecoderHost, asked: Asked) {
    this.#host = host;
    this.#asked = asked;
  }

  /** The market whose name is `bytes[start..end)`; null of an empty name. */
  at(bytes: Buffer, start: number, end: number): NamedMarket | null {
    if (end <= start) return null;
    return this.#markets.get(bytes, start, end) ?? this.#add(bytes.toString('utf8', start, end));
  }

  of(name: string): NamedMarket {
    const bytes = Buffer.from(name);
    return this.#markets.get(bytes, 0, bytes.length) ?? this.#add(name);
  }

  #add(name: string): NamedMarket {
    const market = { name, isPseudo: isPseudoMarket(name), codes: { deals: -1, bbo: -1, state: -1 } };
    this.#markets.set(Buffer.from(name), market);
    return market;
  }

  /** The code of a market's stream. */
  code(channel: Exclude<WireChannel, 'depth'>, market: NamedMarket): number {
    if (market.codes[channel] < 0)
      market.codes[channel] = this.#host.stream(CHANNEL_OF[channel], channel, market.name);
    return market.codes[channel];
  }

  /** The code of a market's ticker; null where it was not asked for: a push of states may name any market. */
  stateOf(market: NamedMarket): number | null {
    if (market.isPseudo) return null;
    const stream = this.code('state', market);
    return this.#asked.wantsAll('state') || this.#host.asked(stream) ? stream : null;
  }
}
