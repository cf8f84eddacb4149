import type { Disk, DiskFile } from '../host/index.ts';
import type { PackedBlock } from './block.ts';
import { BlockChain, type SealedEvent } from './chain.ts';
import { statePathOf, tapePath } from './files.ts';
import type { BlockItem, Item, Numbered, OpenItem, PackingItem, SealItem } from './queue-item.ts';

/** What could not be done with which file. Nothing is lost by it: what was not durable goes to another file. */
export class JournalFault extends Error {
  readonly code = 'journal-fault';
  readonly act: 'create' | 'append' | 'sync' | 'close' | 'remove';
  /** The file that will not be written again. */
  readonly path: string;
  /** When another file is tried: 0 at once, else after this many ms. Of `close` and `remove`: nothing is left to do. */
  readonly retryMs: number;

  constructor(act: JournalFault['act'], path: string, retryMs: number, cause: unknown) {
    super(`${act} of ${path} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'JournalFault';
    this.act = act;
    this.path = path;
    this.retryMs = retryMs;
  }
}

/** First and longest wait before another file is tried, from the second failure in a row on. */
const RETRY_MS = 100;
const RETRY_MS_MAX = 5_000;

/** Where a durable block is. */
export interface DurableBlock {
  /** In the order of blocks: see `JournalWriter.lastNumber`. */
  readonly number: number;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** What can stand in a file. */
type Written = Numbered<OpenItem | BlockItem | SealItem>;

/** The file being written. */
interface Tape {
  readonly path: string;
  readonly file: DiskFile;
  readonly chain: BlockChain;
  /** Written, not yet durable, in order. */
  readonly unsynced: Written[];
  /** Blocks written whole, and items that an fsync covered. */
  written: number;
  synced: number;
  /** Bytes of the blocks that an fsync covered. */
  syncedBytes: number;
  /** What the seal says, once it is written. */
  seal: SealedEvent | null;
  failure: { readonly act: 'append' | 'sync'; readonly error: unknown } | null;
}

export interface DiskQueueOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly onFault: (fault: JournalFault) => void;
  readonly onReleased: (path: string) => void;
  /** A block is durable: once for each, in order, with the file it is in for good. */
  readonly onDurable: (block: DurableBlock) => void;
  /** An fsync returned. */
  readonly onSynced: () => void;
}

/**
 * Brings blocks to the disk, in order, and keeps each in memory until an fsync behind it returned.
 *
 *     push ──► queue ──write arm──► file, unsynced ──sync arm──► durable, forgotten
 *                ▲                        │
 *                └──── after a failure ───┘   into a new file
 *
 * Each arm has one call to the disk at a time. When one fails, the other's call is waited for; then all that is not
 * durable goes back to the head of the queue, the file is closed for good, and a new one takes over, named by the
 * first frame it has to take. The failed file may hold some of the same blocks too: `recoverFile` cuts them there.
 * From the second failure in a row on, the next attempt waits, longer each time, until `advance` is told that it is time.
 *
 * Blocks may be packed in any order and are written in that of pushing: one at the head that is not packed yet holds
 * all behind it.
 *
 * A seal is written only when all before it is durable; so it never moves, and a file with a whole seal is whole.
 */
export class DiskQueue {
  readonly #options: DiskQueueOptions;
  #queue: Numbered[] = [];
  #tape: Tape | null = null;
  #writing: Promise<void> | null = null;
  #syncing: Promise<void> | null = null;
  /** Number of the last item the caller wants an fsync for. */
  #wanted = 0;
  #waiters: { readonly number: number; readonly resolve: () => void }[] = [];
  #closing: (() => void) | null = null;
  #nowMs = 0;
  #lastStart = -1;
  #retryAtMs = 0;
  /** Files that failed, and the number of the last item that may be in them: once it is durable, they are released. */
  #failed: string[] = [];
  #failedUpTo = 0;

  /** Number of the last item pushed, and of the last one that is durable (with all before it). */
  pushed = 0;
  durable = 0;
  /** Bytes held in memory. */
  memory = 0;
  /** Size of the packed blocks that were pushed since a file was begun. */
  fileBytes = 0;
  #openNumber = 0;
  framesDurable = 0;
  /** Bytes written to files. */
  bytesWritten = 0;
  /** Failures in a row. */
  failures = 0;
  /** True from the moment a file takes over after a failure until the next one is begun. */
  tookOver = false;

  constructor(options: DiskQueueOptions) {
    this.#options = options;
  }

  /** True while a file is to be begun and is not there yet. */
  get isOpening(): boolean {
    return this.#queue.some((item) => item.kind === 'open');
  }

  /** True while an fsync is wanted that has not returned. */
  get isSyncWanted(): boolean {
    return this.#wanted > this.durable;
  }

  /** Call `advance` afterwards. */
  push(item: Item): void {
    const numbered: Numbered = { ...item, number: ++this.pushed };
    this.memory += item.memory;
    this.#queue.push(numbered);
    switch (numbered.kind) {
      case 'open':
        this.tookOver = false;
        this.fileBytes = 0;
        this.#openNumber = numbered.number;
        break;
      case 'block':
        this.fileBytes += numbered.memory;
        break;
      case 'packing':
        void numbered.packed.then((block) => this.#packed(numbered, block));
        break;
      case 'seal':
        this.wantSync();
        break;
    }
  }

  /** The bytes of a block have come: they take the place of its text. */
  #packed(item: Numbered<PackingItem>, block: PackedBlock): void {
    const { number, firstTime, byLink } = item;
    const memory = block.bytes.length;
    this.#queue[this.#queue.indexOf(item)] = { kind: 'block', number, memory, block, firstTime, byLink };
    this.memory += memory - item.memory;
    if (number > this.#openNumber) this.fileBytes += memory;
    this.advance(this.#nowMs);
  }

  /** Wants an fsync as soon as all pushed so far is written. */
  wantSync(): void {
    this.#wanted = this.pushed;
  }

  /** Resolves when all pushed so far is durable. */
  untilDurable(): Promise<void> {
    if (this.durable >= this.pushed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ number: this.pushed, resolve });
    return promise;
  }

  /** Resolves when all is durable and no file is open. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closing = resolve;
    this.wantSync();
    this.advance(this.#nowMs);
    return promise;
  }

  /** Starts whatever can be started, at the time `nowMs` (monotonic). */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    const failure = this.#tape?.failure;
    if (failure && (this.#writing !== null || this.#syncing !== null)) return;
    if (this.#writing === null) {
      const step = this.#tape !== null && failure ? this.#abandon(this.#tape, failure) : this.#writeStep();
      if (step !== null) this.#writing = step.finally(() => this.#stepEnded());
      else if (this.#tape === null && this.#queue.length === 0) this.#closing?.();
    }
    if (this.#syncing === null && this.#tape !== null && this.#maySync(this.#tape))
      this.#syncing = this.#sync(this.#tape).finally(() => {
        this.#syncing = null;
        this.#options.onSynced();
        this.advance(this.#nowMs);
      });
  }

  #stepEnded(): void {
    this.#writing = null;
    this.advance(this.#nowMs);
  }

  /** What the write arm can do now; null: nothing. */
  #writeStep(): Promise<void> | null {
    const tape = this.#tape;
    const [head] = this.#queue;
    if (tape === null) return head !== undefined && this.#nowMs >= this.#retryAtMs ? this.#open(head) : null;
    const isDurable = tape.unsynced.length === 0;
    if (tape.seal !== null || (this.#closing !== null && head === undefined))
      return isDurable ? this.#end(tape) : null;
    if (head === undefined || (head.kind === 'seal' && !isDurable)) return null;
    if (head.kind === 'packing') return null;
    if (head.kind === 'open') throw new Error('a journal file is begun before the one before it ended');
    return this.#append(tape, head);
  }

  /** One fsync for all that is wanted, so not before the last wanted item is written; and one before a seal. */
  #maySync(tape: Tape): boolean {
    const [first] = tape.unsynced;
    const [next] = this.#queue;
    if (first === undefined || tape.failure !== null) return false;
    if (tape.seal !== null || next?.kind === 'seal') return true;
    return first.number <= this.#wanted && (next === undefined || next.number > this.#wanted);
  }

  /** Makes the file for the item at the head of the queue: the one it begins, or one that takes over. */
  async #open(head: Numbered): Promise<void> {
    const { disk, directory } = this.#options;
    const time = head.kind === 'open' ? head.start : head.kind === 'seal' ? head.line.time : head.firstTime;
    let start = Math.max(time, this.#lastStart + 1);
    let path = tapePath(directory, start);
    try {
      while (await disk.exists(path)) path = tapePath(directory, ++start);
      if (head.kind === 'open' && head.state !== null) await disk.replace(statePathOf(path), head.state);
      const file = await disk.create(path);
      const chain = new BlockChain();
      this.#tape = {
        path,
        file,
        chain,
        unsynced: [],
        written: 0,
        synced: 0,
        syncedBytes: 0,
        seal: null,
        failure: null,
      };
    } catch (error) {
      this.#fault('create', path, this.#waitToRetry(), error);
      return;
    }
    this.#lastStart = start;
    if (head.kind !== 'open') return;
    this.#queue.shift();
    this.#tape.unsynced.push(head);
    head.done(path);
  }

  async #append(tape: Tape, item: Numbered<BlockItem | SealItem>): Promise<void> {
    const { block, event } =
      item.kind === 'seal' ? tape.chain.seal(item.line, false) : { block: item.block, event: null };
    if (item.kind === 'block') tape.chain.place(item.block, item.byLink);
    try {
      await tape.file.append(block.bytes);
    } catch (error) {
      tape.failure ??= { act: 'append', error };
      return;
    }
    this.#queue.shift();
    tape.unsynced.push(item);
    tape.written++;
    tape.seal = event;
    this.bytesWritten += block.bytes.length;
  }

  async #sync(tape: Tape): Promise<void> {
    const count = tape.unsynced.length;
    try {
      await tape.file.sync();
    } catch (error) {
      tape.failure ??= { act: 'sync', error };
      return;
    }
    this.failures = 0;
    tape.synced += count;
    for (const item of tape.unsynced.splice(0, count)) {
      this.#forget(item);
      if (item.kind === 'block') this.#blockDurable(tape, item);
      if (item.kind === 'seal' && tape.seal !== null) item.done({ path: tape.path, seal: tape.seal });
    }
    if (this.durable >= this.#failedUpTo)
      for (const path of this.#failed.splice(0)) this.#options.onReleased(path);
  }

  #blockDurable(tape: Tape, { number, block }: Numbered<BlockItem>): void {
    this.framesDurable += block.frames;
    const { length } = block.bytes;
    this.#options.onDurable({ number, path: tape.path, offset: tape.syncedBytes, length });
    tape.syncedBytes += length;
  }

  /** The item is durable, or nothing more can be done for it (a seal): its memory goes, and who waits goes on. */
  #forget(item: Numbered): void {
    this.durable = item.number;
    this.memory -= item.memory;
    while ((this.#waiters[0]?.number ?? Number.POSITIVE_INFINITY) <= this.durable)
      this.#waiters.shift()?.resolve();
  }

  /** A file failed: what is not durable goes back to the head of the queue, and nothing is written there again. */
  async #abandon(tape: Tape, failure: NonNullable<Tape['failure']>): Promise<void> {
    this.#tape = null;
    const inFlight = this.#queue[0] ?? tape.unsynced.at(-1);
    this.#queue.unshift(...tape.unsynced);
    const [head] = this.#queue;
    this.#fault(failure.act, tape.path, this.#waitToRetry(), failure.error);
    if (head?.kind === 'seal') {
      // Nothing but the seal is in doubt, and another file has no use for it.
      this.#queue.shift();
      this.#forget(head);
      head.done(null);
      await this.#end(tape);
      this.#options.onReleased(tape.path);
      return;
    }
    this.#failedUpTo = Math.max(this.#failedUpTo, inFlight?.number ?? 0);
    this.tookOver = !this.isOpening;
    await this.#end(tape);
    this.#failed.push(tape.path);
    if (tape.written === 0 && tape.synced === 0) await this.#removeFailed(tape.path);
  }

  /**
   * Removes a file that no whole block was written to: a full disk would otherwise get one more at each attempt.
   * If that fails too, it stays, and `recoverFile` finds nothing in it.
   */
  async #removeFailed(path: string): Promise<void> {
    const { disk } = this.#options;
    try {
      await disk.remove(path);
      await disk.remove(statePathOf(path));
      this.#failed.pop();
    } catch (error) {
      this.#fault('remove', path, 0, error);
    }
  }

  #fault(act: JournalFault['act'], path: string, retryMs: number, cause: unknown): void {
    this.#options.onFault(new JournalFault(act, path, retryMs, cause));
  }

  #waitToRetry(): number {
    this.failures++;
    if (this.failures === 1) return 0;
    const retryMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (this.failures - 2));
    this.#retryAtMs = this.#nowMs + retryMs;
    return retryMs;
  }

  async #end(tape: Tape): Promise<void> {
    this.#tape = null;
    try {
      await tape.file.close();
    } catch (error) {
      this.#fault('close', tape.path, 0, error);
    }
  }
}
