import type { Exchange, Outcome } from '../exchanges/index.ts';
import { type Disk, freeMemory } from '../host/index.ts';
import { type DurableBlock, type JournalWriter, readLines } from '../journal/index.ts';
import type { Frame, RowSink, Rows } from '../record/index.ts';
import { Backlog } from './backlog.ts';
import { RowStore, type RowStoreWorld } from './row-store.ts';
import { Session } from './session.ts';
import type { SessionHooks } from './session-parts.ts';
import { turn } from './turn.ts';

/**
 * Journal that may wait to be decoded; above this the recorder takes no chunk. One open file holds all of it. It is about
 * what one thread decodes in a minute: 30 million trades, 5 million diffs of twenty levels.
 */
const BACKLOG_BYTES_MAX = 512 * 1024 * 1024;
/**
 * A file that grew to this size while decoding was behind grows no more: it is caught up with, and the next one begun. No
 * start could read one above 2 GiB.
 */
const FILE_BYTES_MAX = 1.25 * 1024 * 1024 * 1024;
/** Decoding of what waits is interrupted this often, to look for chunks, ms. */
const SLICE_MS = 8;

/** What decoding needs around it. */
export interface DecodeWorld extends RowStoreWorld {
  readonly disk: Disk;
}

/** What an exchange's decoding is made with. */
export interface DecodeOptions {
  readonly exchange: Exchange;
  readonly rows: Rows;
  readonly world: DecodeWorld;
  readonly journal: JournalWriter;
  readonly hooks: SessionHooks;
  /** Sees each batch of rows on its way to the store. */
  readonly look: RowSink;
}

/**
 * The second stage: lines that are in the journal become rows, at once or later.
 *
 *     live ──fallBehind()──> behind ──catchUp(), until nothing waits──> live
 *
 * While it is behind, lines are only journaled; blocks that become durable are queued by their place on disk and read
 * from there. The rows are the same either way: they are a function of the lines and their order. A journal file is
 * not changed while it is behind, since the next file begins with the decoder's state.
 */
export class DecodeStage {
  readonly session: Session;
  readonly store: RowStore;
  /** Tape time of the last line decoded, µs. */
  time = 0;
  /** Received frames that are journaled and not decoded: not yet, or, of a block that could not be read back, not by this run. */
  framesBehind = 0;
  readonly #options: DecodeOptions;
  readonly #backlog: Backlog;
  /** What has a higher number in the journal is not decoded; null while live. */
  #behindFrom: number | null = null;
  /** Ends the wait for the disk, while there is one. */
  #endWait: (() => void) | null = null;

  constructor(options: DecodeOptions) {
    const { exchange, rows, world, hooks, look } = options;
    this.#options = options;
    this.session = new Session(exchange, rows, hooks);
    this.store = new RowStore(rows, world, exchange.name, look);
    this.#backlog = new Backlog(world.disk);
  }

  get isBehind(): boolean {
    return this.#behindFrom !== null;
  }

  /** Up to when it is known what was heard, where everything up to `time` is journaled. */
  heardUpTo(time: number): number {
    return this.isBehind && this.framesBehind > 0 ? this.time : time;
  }

  /** True where no more may wait: some must be decoded before more is journaled. */
  get isFull(): boolean {
    const { journal } = this.#options;
    if (!this.isBehind || journal.isFaulty) return false;
    return this.#backlog.bytes > BACKLOG_BYTES_MAX || journal.fileBytes > FILE_BYTES_MAX;
  }

  /** Takes a line that has just been journaled. Returns how a received frame was counted; null: not yet, or no such. */
  line(frame: Frame): Outcome | null {
    if (this.#behindFrom === null) {
      this.time = frame.time;
      return this.session.line(frame);
    }
    if (isReceived(frame)) this.framesBehind++;
    return null;
  }

  /**
   * From the next line on nothing is decoded until `catchUp` is through. Not where a new file is due: it could not be begun
   * then, and the present one would grow for as long as the load lasts.
   * @returns whether it is behind since now
   */
  fallBehind(): boolean {
    const { exchange, journal, world } = this.#options;
    if (this.#behindFrom !== null || !journal.isOpen || journal.shouldRotate(this.time)) return false;
    // What was decoded ends with a block, so that what was not begins with one.
    journal.flush();
    this.#behindFrom = journal.lastNumber;
    const message = 'messages come faster than they are decoded: they are journaled, and rows come later';
    world.log('warn', message, { exchange: exchange.name });
    return true;
  }

  /** The journal has made a block durable. */
  durable(block: DurableBlock): void {
    if (this.#behindFrom !== null && block.number > this.#behindFrom) this.#backlog.push(block);
  }

  /**
   * Decodes for some milliseconds what waits. When nothing does, lines are decoded at once again: nothing may be
   * journaled before it returns. False where there was nothing that could be done now: the disk fails.
   */
  async catchUp(): Promise<boolean> {
    const until = performance.now() + SLICE_MS;
    let isDone = false;
    while (this.isBehind && performance.now() < until) {
      if (!this.#backlog.isEmpty) await this.#decodeBlock();
      // While the disk fails, what is in memory stays there, and chunks go on being taken.
      else if (this.#options.journal.isFaulty || !(await this.#catchTheRest())) return isDone;
      isDone = true;
    }
    return isDone;
  }

  /** Decodes until more may wait, which may take a minute, or until a stop is asked for: the next start decodes the rest. */
  async relieve(isStopping: () => boolean): Promise<void> {
    while (this.isFull && !isStopping()) await this.catchUp();
  }

  /** All that is durable is decoded: what is left is in memory. False where the disk fails meanwhile. */
  async #catchTheRest(): Promise<boolean> {
    const { exchange, journal, world } = this.#options;
    const { promise: fault, resolve } = Promise.withResolvers<void>();
    this.#endWait = resolve;
    await Promise.race([journal.durable(), fault]);
    this.#endWait = null;
    if (journal.isFaulty) return false;
    while (!this.#backlog.isEmpty) await this.#decodeBlock();
    this.#behindFrom = null;
    world.log('info', 'everything that is journaled is decoded again', { exchange: exchange.name });
    return true;
  }

  /** The disk refused the journal: nobody waits for it here. */
  diskFault(): void {
    this.#endWait?.();
  }

  async #decodeBlock(): Promise<void> {
    let text: Buffer | null = null;
    try {
      // A read that fails may have failed for a moment.
      text = await this.#backlog.take().catch(() => this.#backlog.take());
    } catch (error) {
      this.#backlog.drop();
      this.#unreadable(error as Error);
    }
    if (text !== null) {
      readLines(text, (frame) => {
        this.time = frame.time;
        if (isReceived(frame)) this.framesBehind--;
        this.session.line(frame);
      });
      freeMemory(text);
      // The disk and the pool have their turn, for the blocks that are read ahead.
      await turn();
    }
    if (this.store.isFull) await this.store.relieve();
  }

  /** What was just written cannot be read: the rows of this file come from the next start, which may read it. */
  #unreadable(error: Error): void {
    const { exchange, world } = this.#options;
    const message = 'the journal cannot be read back; the rows of its file will be made at the next start';
    world.log('error', message, { exchange: exchange.name, error: error.message });
    this.store.drop();
    this.session.damaged(`a block could not be read back: ${error.message}`);
  }
}

function isReceived({ kind }: Frame): boolean {
  return kind === 'received' || kind === 'gzip';
}
