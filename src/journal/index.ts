/**
 * The journal: the raw tape of each exchange, every frame before anybody has understood it.
 *
 * What it guarantees: a frame is durable at most `syncMs` plus one fsync after it was appended (and the packing of
 * its block, where that is done aside), while `tick` is called; bytes stay in memory until their fsync returned; nothing is ever overwritten; after a failed write or fsync
 * a file is never written again and its unsynced blocks go to a new one; a file that was cut off is repaired without
 * losing a whole block; and a reader names whatever is damaged and goes on behind it.
 *
 * What it leaves to others: what frames mean, when files change (`shouldRotate` only advises), who seals a repaired
 * file and with which line, and the bound on memory (`unsyncedBytes`).
 *
 * A sealed file can be made denser afterwards (`densify`): the same lines in fewer, larger blocks.
 *
 * The format of a block is drawn in `block.ts`, that of a line stands in `line.ts`, names in `files.ts`. The stock
 * `zstd -dc FILE` prints the lines.
 */
export {
  type BlockHeader,
  HEADER_BYTES,
  type PackedBlock,
  packBlock,
  placeBlock,
  readBlockHeader,
} from './block.ts';
export type { SealedEvent, SealLine } from './chain.ts';
export { type Densified, type DensifyOptions, densify, isDense } from './densify.ts';
export { type DurableBlock, JournalFault } from './disk-queue.ts';
export {
  endsWithSeal,
  hourOf,
  isSealed,
  type JournalFile,
  journalFile,
  listExchange,
  listJournal,
  removeTemporary,
  statePathOf,
  tapePath,
} from './files.ts';
export { LineBuffer } from './line.ts';
export { HEAD_BYTES_MAX, headBytes } from './line-head.ts';
export type { PaceOptions } from './pace.ts';
export { asidePacker, type Packer } from './packer.ts';
export { readLines } from './read-lines.ts';
export {
  type Block,
  blockText,
  blockTextAside,
  catLines,
  type Damage,
  type DamageReason,
  type LinkTally,
  readBlocks,
  readTape,
  scanTape,
  type TapeSummary,
} from './reader.ts';
export { type RecoveredFile, recoverFile, sealRecovered } from './recover.ts';
export type { LeftReason } from './sealed-tape.ts';
export { JournalWriter, type JournalWriterOptions, type SealedFile } from './writer.ts';
