import type { Disk } from '../host/index.ts';
import type { FrameKind } from '../record/index.ts';
import { compress, packBlock } from './block.ts';
import type { SealedEvent, SealLine } from './chain.ts';
import { DiskQueue, type DurableBlock, type JournalFault } from './disk-queue.ts';
import { hourOf, type JournalFile, journalFile } from './files.ts';
import { LineBuffer } from './line.ts';
import { BlockCutter, type Packer } from './packer.ts';

export interface JournalWriterOptions {
  readonly disk: Disk;
  /** The exchange's own: `<data>/journal/<exchange>`. */
  readonly directory: string;
  readonly exchange: string;
  /**
   * Longest time from a frame's append to the start of the write and fsync that make it durable, ms. Where a block is
   * packed aside, that comes on top.
   */
  readonly syncMs?: number;
  /** Text at which a block closes. */
  readonly blockBytes?: number;
  /** Size at which `shouldRotate` asks for another file. */
  readonly fileBytesMax?: number;
  /** How blocks are packed; without it at once, by the call that closes them. */
  readonly packer?: Packer;
  readonly onFault?: (fault: JournalFault) => void;
  /**
   * A file that failed earlier: all that was on its way there is durable, there or in the files behind it. It may be
   * recovered and sealed from now on.
   */
  readonly onReleased?: (path: string) => void;
  /** A block is durable: once for each, in order, with the file it is in for good. */
  readonly onDurable?: (block: DurableBlock) => void;
}

/** A file that was sealed: after a fault not the one that was begun, but the one that took over. */
export interface SealedFile {
  readonly file: JournalFile;
  readonly seal: SealedEvent;
}

/**
 * Writes the journal of one exchange. The calls return at once; the disk works beside them (`DiskQueue`). Time is
 * told by `tick`, and without it nothing is written but whole blocks.
 *
 * Frames of a link must come in the order of their ordinals. Memory is bounded by the caller, who stops appending
 * while `unsyncedBytes` is above a limit.
 */
export class JournalWriter {
  readonly #exchange: string;
  readonly #syncMs: number;
  readonly #blockBytes: number;
  readonly #fileBytesMax: number;
  readonly #lines: LineBuffer;
  readonly #cutter: BlockCutter;
  readonly #queue: DiskQueue;
  #nowMs = 0;
  /** When the oldest frame was appended that no wanted fsync covers. */
  #oldestMs: number | null = null;
  #isOpen = false;
  #fileHour = 0;
  framesAppended = 0;

  constructor(options: JournalWriterOptions) {
    const { disk, directory, onFault, onReleased, onDurable } = options;
    this.#exchange = options.exchange;
    this.#syncMs = options.syncMs ?? 250;
    this.#blockBytes = options.blockBytes ?? 1 << 20;
    this.#fileBytesMax = options.fileBytesMax ?? 256 << 20;
    this.#lines = new LineBuffer(this.#blockBytes + (this.#blockBytes >> 2));
    this.#cutter = new BlockCutter(this.#lines, options.packer ?? packBlock);
    this.#queue = new DiskQueue({
      disk,
      directory,
      onFault: (fault) => onFault?.(fault),
      onReleased: (path) => onReleased?.(path),
      onDurable: (block) => onDurable?.(block),
      onSynced: () => this.#wantSync(),
    });
  }

  /** True between `beginFile` and `seal`: frames may be appended. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes in memory that are not durable: lines as text, blocks compressed once they are packed. */
  get unsyncedBytes(): number {
    return this.#lines.length + this.#queue.memory;
  }

  /** Of the frames appended, those that are durable. */
  get framesDurable(): number {
    return this.#queue.framesDurable;
  }

  /** Bytes written to files since the start. */
  get bytesWritten(): number {
    return this.#queue.bytesWritten;
  }

  /** Number of the last thing handed to the disk: blocks cut from now on have higher ones. */
  get lastNumber(): number {
    return this.#queue.pushed;
  }

  /** Size of the present file, with what is on its way there. */
  get fileBytes(): number {
    return this.#queue.fileBytes + this.#lines.length;
  }

  /** True while the disk fails: from a failure to the next fsync that returns. */
  get isFaulty(): boolean {
    return this.#queue.failures > 0;
  }

  /**
   * Begins a file; what is appended from now on goes there. `state`: the decoder's state at this point, written
   * (compressed) before the file exists. Resolves once the file exists and its name is durable; frames may be
   * appended before that.
   */
  async beginFile(startTime: number, state: Uint8Array | null): Promise<JournalFile> {
    if (this.#isOpen) throw new Error('a journal file is begun before the one before it is sealed');
    this.#isOpen = true;
    this.#fileHour = hourOf(startTime);
    const packed = state === null ? null : compress(state);
    const memory = packed?.length ?? 0;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#queue.push({ kind: 'open', memory, start: startTime, state: packed, done: resolve });
    this.#queue.advance(this.#nowMs);
    return journalFile(this.#exchange, await promise, packed !== null);
  }

  /** Copies a frame, whose payload is `bytes[start..end)`. Throws a RangeError where a number is negative or not whole. */
  append(
    time: number,
    link: number,
    ordinal: number,
    kind: FrameKind,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    this.#mustBeOpen();
    this.#lines.append(time, link, ordinal, kind, bytes, start, end);
    this.#appended();
  }

  /** The same in place (`LineBuffer.appendInPlace`): `release` before the memory is used for something else. */
  appendInPlace(
    time: number,
    link: number,
    ordinal: number,
    kind: FrameKind,
    memory: Buffer,
    start: number,
    end: number,
    room: number,
  ): void {
    this.#mustBeOpen();
    this.#lines.appendInPlace(time, link, ordinal, kind, memory, start, end, room);
    this.#appended();
  }

  /** Takes what was appended in place out of the memory it stands in. */
  release(): void {
    this.#lines.release();
  }

  #mustBeOpen(): void {
    if (!this.#isOpen) throw new Error('a frame is appended while no journal file is begun');
  }

  #appended(): void {
    this.framesAppended++;
    this.#oldestMs ??= this.#nowMs;
    if (this.#lines.length >= this.#blockBytes) this.flush();
  }

  /** Tells the time (monotonic, ms): every 20 ms or so, and after each chunk of frames. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#wantSync();
    this.#queue.advance(nowMs);
  }

  /** Closes the present block and hands it to the disk. */
  flush(): void {
    this.#cut();
    this.#queue.advance(this.#nowMs);
  }

  /** Resolves when everything appended so far is durable. While the disk fails it waits, and needs `tick`. */
  durable(): Promise<void> {
    this.#cut();
    this.#wantAll();
    const promise = this.#queue.untilDurable();
    this.#queue.advance(this.#nowMs);
    return promise;
  }

  /**
   * Ends the file: the remaining lines, then, when they are durable, the seal block. Resolves when that is durable
   * too; with null where the disk failed at the seal (the file is then released, to be recovered). The next file may
   * be begun at once.
   */
  async seal(line: SealLine): Promise<SealedFile | null> {
    if (!this.#isOpen) throw new Error('no journal file is begun that could be sealed');
    this.#cut();
    this.#isOpen = false;
    const { promise, resolve } = Promise.withResolvers<{ path: string; seal: SealedEvent } | null>();
    this.#queue.push({ kind: 'seal', memory: 0, line, done: resolve });
    this.#wantAll();
    this.#queue.advance(this.#nowMs);
    const sealed = await promise;
    return sealed && { file: journalFile(this.#exchange, sealed.path), seal: sealed.seal };
  }

  /** Makes everything durable and closes the last file, sealed or not. Nothing may follow. */
  close(): Promise<void> {
    this.#cut();
    this.#isOpen = false;
    return this.#queue.close();
  }

  /**
   * True where a file should be begun before a frame of this time: none is, the present one's hour is over, it is
   * large, or it took over after a failure and so has no state of its own (not before the disk works again).
   */
  shouldRotate(time: number): boolean {
    if (!this.#isOpen) return true;
    if (this.#queue.failures > 0 || this.#queue.isOpening) return false;
    const isLarge = this.#queue.fileBytes + this.#lines.length >= this.#fileBytesMax;
    return isLarge || this.#queue.tookOver || hourOf(time) > this.#fileHour;
  }

  #cut(): void {
    if (this.#lines.length > 0) this.#queue.push(this.#cutter.cut());
  }

  #wantAll(): void {
    this.#queue.wantSync();
    this.#oldestMs = null;
  }

  /**
   * Wants an fsync once the oldest frame is old enough, and takes all younger ones along. So the next is wanted
   * `syncMs` later at the earliest, and no frame waits for a second turn. Not before the last one returned: a disk
   * slower than the stream would never get to it.
   */
  #wantSync(): void {
    if (this.#oldestMs === null || this.#nowMs - this.#oldestMs < this.#syncMs) return;
    if (this.#queue.isSyncWanted) return;
    this.#cut();
    this.#wantAll();
  }
}
