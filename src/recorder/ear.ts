import type { TapeClock } from '../host/index.ts';
import { headBytes } from '../journal/index.ts';
import type { Tape } from '../link/index.ts';
import { type RestAnswer, restPayload, type TapeEvent } from '../record/index.ts';
import { ChunkWriter, type EntryKind, entryBytes } from './chunk.ts';
import { ChunkMemory } from './chunk-memory.ts';

/** A chunk on its way to the recorder: everything up to `upTo` (µs) is in it or came before it. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly entries: number;
  readonly upTo: number;
}

export interface EarOptions {
  readonly clock: TapeClock;
  readonly chunkBytes: number;
  /** Chunks in the pool: what may wait for the recorder at most, plus what sockets deliver after they were paused. */
  readonly chunks: number;
  /** Hands a chunk over: the ear does not touch its bytes until they come back. */
  readonly deliver: (chunk: Chunk) => void;
  /** The pool is empty: stop reading sockets. */
  readonly pause: () => void;
  /** There is room again. */
  readonly resume: () => void;
}

/** With more chunks than this handed over and not returned, the recorder is busy for a while. */
const WAITING_MAX = 2;

/** What is counted of a link. */
class Tally {
  readonly link: number;
  received = 0;
  /** Its entries, and the number at which their ordinal has one digit more. */
  #entries = 0;
  #power = 10;
  /** Bytes of a head whose time has `HEAD_TIME`'s digits. */
  #head: number;

  constructor(link: number) {
    this.link = link;
    this.#head = headBytes(HEAD_TIME, link, 1);
  }

  /**
   * Bytes that the head of the link's next line is likely to take: it is what it takes but for small stamps, and while
   * the recorder's own lines have made the ordinals a digit longer.
   */
  nextHead(): number {
    if (++this.#entries === this.#power) {
      this.#power *= 10;
      this.#head++;
    }
    return this.#head;
  }
}

/** µs since the epoch, some day between 2001 and 2286. */
const HEAD_TIME = 1e15;

/**
 * The ear's side of the tape: it appends the bytes and the time of each message to the current chunk, and nothing
 * else. It never parses and never inflates.
 *
 * Bound: a fixed pool of chunks. When none is free, sockets are no longer read; what they had read already still
 * comes and goes into extra chunks, one socket read each at most, so a frame already read is never dropped. The first
 * line after such a wait says by how much stamps may be late.
 */
export class Ear implements Tape {
  /** Received messages of all links. */
  receivedFrames = 0;
  readonly #options: EarOptions;
  readonly #tallies = new Map<number, Tally>();
  #tally = new Tally(-1);
  /** The last stamp given: a message delivered late, after another socket was read, does not go back behind it. */
  #time = 0;
  readonly #chunkBytes: number;
  readonly #memory: ChunkMemory;
  readonly #free: Uint8Array[];
  /** What lies idle of the pool while larger chunks, or extra ones, are out for it. */
  readonly #spare: Uint8Array[] = [];
  #current: ChunkWriter | null = null;
  #out = 0;
  /** Pool places that are in use: by the current chunk and by those handed over. */
  #lent = 0;
  #pausedAt = 0;
  #lateMs = 0;

  constructor(options: EarOptions) {
    this.#options = options;
    this.#chunkBytes = Math.ceil(options.chunkBytes / 8) * 8;
    this.#memory = new ChunkMemory(options.chunks, this.#chunkBytes);
    this.#free = [...this.#memory.chunks];
  }

  /** Where reads go: from here messages come into chunks the fastest way. */
  get reads(): Buffer {
    return this.#memory.reads;
  }

  /** Chunks handed over and not returned yet. */
  get chunksOut(): number {
    return this.#out;
  }

  get paused(): boolean {
    return this.#pausedAt > 0;
  }

  /** Received messages per link: the first term of the closing balance. */
  counts(): Map<number, number> {
    return new Map([...this.#tallies.values()].map(({ link, received }) => [link, received]));
  }

  received(
    link: number,
    bytes: Buffer,
    spans: Uint32Array,
    count: number,
    binary: boolean,
    readAt: number,
  ): void {
    if (this.#lateMs > 0) this.#reportLate(this.#stamp(readAt), link);
    const tally = this.#tallyOf(link);
    tally.received += count;
    this.receivedFrames += count;
    const kind = binary ? 'binary' : 'text';
    for (let n = 0; n < count; ) {
      const chunk = this.#chunkFor((spans[2 * n + 1] as number) - (spans[2 * n] as number));
      n = chunk.addAll(this.#stamp(readAt), link, kind, tally, bytes, spans, n, count);
    }
  }

  #stamp(time: number): number {
    if (time > this.#time) this.#time = time;
    return this.#time;
  }

  #now(): number {
    return this.#stamp(this.#options.clock.now());
  }

  #tallyOf(link: number): Tally {
    if (this.#tally.link === link) return this.#tally;
    const tally = this.#tallies.get(link) ?? new Tally(link);
    this.#tallies.set(link, tally);
    this.#tally = tally;
    return tally;
  }

  sent(link: number, text: string): void {
    this.#append(this.#now(), link, 'sent', Buffer.from(text));
  }

  rest(link: number, answer: RestAnswer): void {
    this.#append(this.#now(), link, 'rest', Buffer.from(restPayload(answer)));
  }

  event(link: number, event: TapeEvent): void {
    this.#append(this.#now(), link, 'event', Buffer.from(JSON.stringify(event)));
  }

  /** Says once, on the first link heard after a wait for chunks, by how much stamps may be late. */
  #reportLate(time: number, link: number): void {
    const event: TapeEvent = { event: 'late', ms: this.#lateMs };
    this.#lateMs = 0;
    this.#append(time, link, 'event', Buffer.from(JSON.stringify(event)));
  }

  #append(time: number, link: number, kind: EntryKind, bytes: Buffer): void {
    const chunk = this.#chunkFor(bytes.length);
    chunk.add(this.#stamp(time), link, kind, this.#tallyOf(link).nextHead(), bytes);
  }

  /**
   * The current chunk where so long a payload fits into it, else the next one. What was handed over says how far time has come:
   * an entry is stamped after this.
   */
  #chunkFor(payloadLength: number): ChunkWriter {
    if (this.#current?.fits(payloadLength) === false) this.flush();
    this.#current ??= this.#take(payloadLength);
    return this.#current;
  }

  /**
   * A free chunk; a larger one, which takes as many places of the pool as its size, for a payload that fits in none;
   * an extra one when the pool is empty.
   */
  #take(payloadLength: number): ChunkWriter {
    const chunkBytes = this.#chunkBytes;
    const needed = entryBytes(payloadLength);
    const places = Math.ceil(needed / chunkBytes);
    this.#lent += Math.max(1, places);
    if (this.#free.length < places) this.#pause();
    const taken = this.#free.splice(Math.max(0, this.#free.length - places));
    const [place] = taken;
    if (place !== undefined && places === 1) return new ChunkWriter(place, this.#memory.copy);
    this.#spare.push(...taken);
    return new ChunkWriter(new Uint8Array(places * chunkBytes));
  }

  /** Said again for each extra chunk: a link that has just opened is told as well. */
  #pause(): void {
    if (this.#pausedAt === 0) this.#pausedAt = this.#now();
    this.#options.pause();
  }

  /**
   * Hands over what there is, every few ms. Not while the recorder has chunks waiting: it would come to this one no
   * sooner, and the pool would be used up by chunks that hold little.
   */
  tick(): void {
    if (this.#out <= WAITING_MAX) this.flush();
  }

  /**
   * Hands the current chunk over, or an empty one: either tells the recorder how far time has come. While sockets are
   * not read, time stands: what they hold is not in.
   */
  flush(): void {
    const upTo = this.#pausedAt > 0 ? this.#pausedAt : this.#now();
    const chunk = this.#current;
    this.#current = null;
    this.#out++;
    if (chunk === null) this.#options.deliver({ bytes: new Uint8Array(0), entries: 0, upTo });
    else this.#options.deliver({ bytes: chunk.bytes, entries: chunk.entries, upTo });
  }

  /** The recorder is done with a chunk: its places are free again; memory that is not the pool's is let go. */
  release(bytes: Uint8Array): void {
    this.#out--;
    this.#lent -= Math.ceil(bytes.length / this.#chunkBytes);
    const own = this.#memory.own(bytes);
    if (own !== null) this.#spare.push(own);
    const { chunks } = this.#options;
    while (this.#free.length + this.#lent < chunks) {
      const place = this.#spare.pop();
      if (place === undefined) break;
      this.#free.push(place);
    }
    if (this.#pausedAt > 0 && this.#free.length >= Math.ceil(chunks / 4)) {
      this.#lateMs = Math.round((this.#options.clock.now() - this.#pausedAt) / 1000);
      this.#pausedAt = 0;
      this.#options.resume();
    }
  }
}
