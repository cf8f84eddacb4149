import type { Json } from '../../record/index.ts';
import {
  DECODER_FIRST_ID,
  depthOf,
  type MarketEntry,
  marketOf,
  PING_FIRST_ID,
  requestText,
  type WireChannel,
  type WireRequest,
} from './requests.ts';

interface AskedChannel {
  /** All markets were asked for, with an empty list. */
  all: boolean;
  /** By market, in the order asked. */
  readonly entries: Map<string, MarketEntry>;
}

/** A subscription that has no reply yet, and the markets that were new in it. */
interface Unanswered {
  readonly channel: WireChannel;
  readonly markets: readonly string[];
}

/** No more unanswered requests than this are remembered; the oldest is forgotten first. */
const UNANSWERED_MAX = 1000;

/**
 * What a link has asked for, channel by channel, as learned from the messages that went out.
 *
 * It exists because of an open question: does a second `X.subscribe` add to the first or replace it
 * (protocols/coinex.md 5)? Under both answers the link is right if the last message of a channel names everything
 * wanted, so every list sent here is the full one, and a list that was not is followed by one that is.
 */
export class Asked {
  readonly #channels = new Map<WireChannel, AskedChannel>();
  readonly #unanswered = new Map<string, Unanswered>();
  #nextId = DECODER_FIRST_ID;

  #channel(channel: WireChannel): AskedChannel {
    let asked = this.#channels.get(channel);
    if (asked === undefined) {
      asked = { all: false, entries: new Map() };
      this.#channels.set(channel, asked);
    }
    return asked;
  }

  /** A request went out. */
  sent(request: WireRequest): void {
    if (request.verb === 'subscribe') this.#subscribed(request);
    else if (!isOwnId(request.id)) this.#unsubscribed(request);
  }

  #subscribed(request: WireRequest): void {
    const asked = this.#channel(request.channel);
    const added = request.entries.map(marketOf).filter((market) => !asked.entries.has(market));
    if (request.all) asked.all = true;
    for (const entry of request.entries) asked.entries.set(marketOf(entry), entry);
    if (request.id === null) return;
    this.#unanswered.set(request.id, { channel: request.channel, markets: added });
    if (this.#unanswered.size > UNANSWERED_MAX)
      for (const oldest of this.#unanswered.keys()) {
        this.#unanswered.delete(oldest);
        break;
      }
  }

  #unsubscribed(request: WireRequest): void {
    const asked = this.#channel(request.channel);
    if (request.all) {
      asked.all = false;
      asked.entries.clear();
    }
    for (const entry of request.entries) asked.entries.delete(marketOf(entry));
  }

  /** A reply came. What was refused is not wanted any more: one bad market may spoil every list that names it. */
  answered(id: string | null, refused: boolean): void {
    if (id === null) return;
    const request = this.#unanswered.get(id);
    this.#unanswered.delete(id);
    if (request === undefined || !refused) return;
    const asked = this.#channel(request.channel);
    for (const market of request.markets) asked.entries.delete(market);
  }

  /** True where this subscription names less than the link wants of its channel. */
  isPartial(request: WireRequest): boolean {
    if (request.verb !== 'subscribe' || request.all) return false;
    const asked = this.#channel(request.channel);
    if (asked.all) return true;
    const named = new Set(request.entries.map(marketOf));
    for (const market of asked.entries.keys()) if (!named.has(market)) return true;
    return false;
  }

  /** True where the link asked for all markets of the channel, or its requests are not known (a lone message). */
  wantsAll(channel: WireChannel): boolean {
    const asked = this.#channels.get(channel);
    return asked === undefined || asked.all;
  }

  /** The entry a market's depth was asked with, if it was. */
  depthEntry(market: string): MarketEntry | undefined {
    return this.#channels.get('depth')?.entries.get(market);
  }

  /** The message that asks for everything wanted of a channel. */
  fullText(channel: WireChannel): string {
    const asked = this.#channel(channel);
    return requestText(channel, 'subscribe', asked.all ? [] : [...asked.entries.values()], this.#nextId++);
  }

  /** The messages that start the depth of these markets afresh and leave the others asked for. */
  resyncTexts(books: readonly { readonly market: string; readonly feed: string }[]): string[] {
    const { entries } = this.#channel('depth');
    for (const { market, feed } of books) {
      if (entries.has(market)) continue;
      const { limit, interval } = depthOf(feed);
      entries.set(market, [market, limit, interval, false]);
    }
    const markets = books.map(({ market }) => market);
    return [requestText('depth', 'unsubscribe', markets, this.#nextId++), this.fullText('depth')];
  }

  state(): Json {
    return {
      nextId: this.#nextId,
      channels: [...this.#channels].map(([channel, { all, entries }]) => [
        channel,
        all,
        [...entries.values()],
      ]),
      unanswered: [...this.#unanswered].map(([id, { channel, markets }]) => [id, channel, [...markets]]),
    };
  }

  restore(state: Json): void {
    const { nextId, channels, unanswered } = state as unknown as AskedState;
    this.#nextId = nextId;
    for (const [channel, all, entries] of channels)
      this.#channels.set(channel, {
        all,
        entries: new Map(entries.map((entry) => [marketOf(entry), entry])),
      });
    for (const [id, channel, markets] of unanswered) this.#unanswered.set(id, { channel, markets });
  }
}

interface AskedState {
  readonly nextId: number;
  readonly channels: readonly [WireChannel, boolean, MarketEntry[]][];
  readonly unanswered: readonly [string, WireChannel, string[]][];
}

/** An unsubscribe of the decoder's own is half of a resync: the market stays wanted. */
function isOwnId(id: string | null): boolean {
  const value = Number(id ?? Number.NaN);
  return value >= DECODER_FIRST_ID && value < PING_FIRST_ID;
}
