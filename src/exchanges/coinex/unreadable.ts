import type { Channel, Frame, JsonObject } from '../../record/index.ts';
import type { Breach, DecoderHost, Outcome } from '../exchange.ts';
import type { LinkBooks } from './books.ts';
import { glimpse, isDealList, isDepth, isMarketName, isStateList } from './messages.ts';
import { CHANNEL_OF, type WireChannel } from './requests.ts';
import type { LinkMarkets } from './streams.ts';

const UNREADABLE: Breach = { cause: 'decoder-error', detail: 'a message could not be read' };

/** What is done about messages of a link that cannot be read: as little as possible is taken to be doubtful. */
export class Unreadable {
  readonly #host: DecoderHost;
  readonly #books: LinkBooks;
  readonly #markets: LinkMarkets;

  constructor(host: DecoderHost, books: LinkBooks, markets: LinkMarkets) {
    this.#host = host;
    this.#books = books;
    this.#markets = markets;
  }

  /**
   * A push that is not of its shape. Built otherwise it is malformed, and what it said about its market is missing; where
   * only a number is none, this throws.
   */
  refused(channel: WireChannel, data: JsonObject, problem: string): Outcome {
    const { market } = data;
    if (channel === 'state') return this.#states(data.state_list, problem);
    if (!isMarketName(market))
      return channel === 'depth' ? this.#depth(null) : this.#host.undecoded('malformed', CHANNEL_OF[channel]);
    if (channel === 'depth') {
      this.#host.heard(this.#books.of(market).stream);
      if (typeof data.is_full !== 'boolean' || !isDepth(data.depth)) return this.#depth(market);
    } else {
      const stream = this.#markets.code(channel, this.#markets.of(market));
      this.#host.heard(stream);
      if (channel === 'deals' && !isDealList(data.deal_list))
        return this.#malformed(stream, 'trades', market);
    }
    throw new TypeError(problem);
  }

  #states(list: unknown, problem: string): Outcome {
    if (!isStateList(list)) return this.#host.undecoded('malformed', 'ticker');
    for (const { market } of list) {
      const stream = this.#markets.stateOf(this.#markets.of(market));
      if (stream !== null) this.#host.heard(stream);
    }
    throw new TypeError(problem);
  }

  /** A push that is no book's: what it said about its market is missing. */
  #malformed(stream: number, channel: Channel, market: string): Outcome {
    this.#host.broken(stream, UNREADABLE);
    return this.#host.undecoded('malformed', channel, market);
  }

  /** A depth push was missed: its book is doubtful, or all of them where it does not say which it was for. */
  #depth(market: string | null): Outcome {
    if (market === null) this.#books.breachAll(UNREADABLE);
    else this.#books.breach(this.#books.of(market), UNREADABLE);
    return this.#host.undecoded('malformed', 'book', market);
  }

  /**
   * A message that is no JSON object. Bytes that did not even inflate end the link (protocols/coinex.md 2, rule 4).
   * Text out of a whole gzip member is what the exchange wrote: a new link would not mend it, and only what it may
   * have been about is doubtful.
   */
  noObject(frame: Frame): Outcome {
    if (frame.kind !== 'gzip') {
      this.#host.brokenLink(UNREADABLE);
      this.#books.invalidate(null);
      this.#host.request({ kind: 'reconnect', reason: UNREADABLE.detail });
      return this.#host.undecoded('malformed');
    }
    const seen = glimpse(frame.text());
    if (seen === null) {
      this.#host.brokenLink(UNREADABLE);
      this.#books.breachAll(UNREADABLE);
      return this.#host.undecoded('malformed');
    }
    const { channel, market } = seen;
    if (channel === 'depth') return this.#depth(market);
    if (market === null) return this.#host.undecoded('malformed', CHANNEL_OF[channel]);
    const stream = this.#markets.code(channel, this.#markets.of(market));
    return this.#malformed(stream, CHANNEL_OF[channel], market);
  }
}
