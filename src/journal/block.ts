import {
  constants,
  crc32,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';

/**
 * A block: a zstd skippable frame that holds our header, then one ordinary zstd frame that holds the lines.
 *
 *     offset size
 *      0      4   0x184D2A57, one of zstd's sixteen skippable magics        ┐ a stock reader
 *      4      4   56: how much of the skippable frame follows               ┘ skips all 64 bytes
 *      8      8   "FEEDTAP" and 0xFF
 *     16      2   version, 1
 *     18      2   flags: 1 seal, 2 dense (`densify.ts`); a reader passes over those it does not know
 *     20      4   ordinal of the block in its file, from 1
 *     24      8   least receive time of its lines, µs
 *     32      8   greatest receive time of its lines, µs
 *     40      4   lines
 *     44      4   size of the text
 *     48      4   size of the zstd frame behind the header
 *     52      4   CRC-32 of the zstd frame
 *     56      4   CRC-32 of the previous header (its bytes 0 to 59); 0 in the first block
 *     60      4   CRC-32 of bytes 0 to 59
 *     64     ...  the zstd frame, with content size and content checksum
 *
 * All numbers are little-endian and unsigned.
 *
 * Invariants:
 * 1. Every byte of a file belongs to exactly one block, and every byte of a block is under a CRC.
 * 2. A block is written once, in one append, and never changed; ordinals count 1, 2, 3 without a hole.
 * 3. No header stands inside a whole zstd frame: text is UTF-8, where 0xFF never occurs, so that a payload cannot
 *    bring one along. Hence a reader that lost its place may trust the next header with a right CRC.
 * 4. A seal block is the last of its file, and its text is the one `sealed` event. It is written only after an fsync
 *    of all blocks before it.
 */
export const HEADER_BYTES = 64;
const BLOCK_VERSION = 1;
const FLAG_SEAL = 1;
const FLAG_DENSE = 2;

/** Text of one block at most: far above what a writer makes, since a block closes at about 1 MiB and holds at most one long line. */
export const BLOCK_TEXT_MAX = 160 * 1024 * 1024;

const SKIPPABLE_MAGIC = 0x184d2a57;
const ZSTD_MAGIC = 0xfd2fb528;
const CRC_OFFSET = 60;
/** The sixteen bytes that every header begins with. */
export const HEADER_START = Buffer.concat([
  Buffer.from(Uint32Array.of(SKIPPABLE_MAGIC, HEADER_BYTES - 8).buffer),
  Buffer.from('FEEDTAP\xff', 'latin1'),
]);

/** How zstd looks for what it has seen before: its parameters. None of them matters to a reader. */
export type Search = Readonly<Record<number, number>>;

/**
 * Nearly all of a message stands in the message before it, so what counts is how few bits say where. The small hash
 * table forgets all but the latest place, which is near, and near places have short names: on trades 17.8 bytes and
 * 0.30 µs a message where level 1 takes 21.5 and 0.40 (`densify.bench.ts`). The other parameters are those of level 1.
 */
export const LIVE_SEARCH: Search = {
  [constants.ZSTD_c_compressionLevel]: 1,
  [constants.ZSTD_c_strategy]: constants.ZSTD_fast,
  [constants.ZSTD_c_windowLog]: 17,
  [constants.ZSTD_c_hashLog]: 11,
  [constants.ZSTD_c_minMatch]: 7,
};

export interface BlockHeader {
  readonly seal: boolean;
  /** The block was written by `densify`: nothing is to be gained by another try. */
  readonly dense: boolean;
  readonly ordinal: number;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly frames: number;
  readonly textBytes: number;
  readonly compressedBytes: number;
  readonly compressedCrc: number;
  readonly previousCrc: number;
  /** CRC of this header: what the next one repeats. */
  readonly crc: number;
}

/** The part of a header that depends on where in which file the block stands. */
export interface BlockPlace {
  readonly ordinal: number;
  readonly previousCrc: number;
  readonly seal: boolean;
  readonly dense?: boolean;
}

/** A block that has no place yet: `bytes` is the room for the header and the compressed text behind it. */
export interface PackedBlock {
  readonly bytes: Buffer;
  readonly frames: number;
}

/** Compresses the lines of a block. The result keeps nothing of `text`. */
export function packBlock(
  text: Uint8Array,
  frames: number,
  firstTime: number,
  lastTime: number,
): PackedBlock {
  if (text.length > BLOCK_TEXT_MAX)
    throw new RangeError(`a block of ${text.length} bytes is above ${BLOCK_TEXT_MAX}`);
  return packCompressed([compress(text)], text.length, frames, firstTime, lastTime);
}

/** A block of lines that are compressed already: into these parts, one behind the other. */
export function packCompressed(
  compressed: readonly Buffer[],
  textBytes: number,
  frames: number,
  firstTime: number,
  lastTime: number,
): PackedBlock {
  let length = 0;
  for (const part of compressed) length += part.length;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  HEADER_START.copy(bytes, 0);
  bytes.writeUInt16LE(BLOCK_VERSION, 16);
  writeTime(bytes, firstTime, 24);
  writeTime(bytes, lastTime, 32);
  bytes.writeUInt32LE(frames, 40);
  bytes.writeUInt32LE(textBytes, 44);
  bytes.writeUInt32LE(length, 48);
  let end = HEADER_BYTES;
  for (const part of compressed) end += part.copy(bytes, end);
  bytes.writeUInt32LE(crc32(bytes.subarray(HEADER_BYTES)), 52);
  return { bytes, frames };
}

/** Gives a packed block its place (again, where the file it was meant for failed). Returns the CRC of its header. */
export function placeBlock(block: PackedBlock, place: BlockPlace): number {
  const { bytes } = block;
  bytes.writeUInt16LE((place.seal ? FLAG_SEAL : 0) | (place.dense ? FLAG_DENSE : 0), 18);
  bytes.writeUInt32LE(place.ordinal, 20);
  bytes.writeUInt32LE(place.previousCrc, 56);
  const crc = crc32(bytes.subarray(0, CRC_OFFSET));
  bytes.writeUInt32LE(crc, CRC_OFFSET);
  return crc;
}

/** Text below which the way to another thread and back costs the caller as much as the work there. */
export const ASIDE_BYTES_MIN = 64 * 1024;

/** One zstd frame with content size and checksum. */
export function compress(text: Uint8Array, search = LIVE_SEARCH): Buffer {
  return joined(withoutEmptyFrame([zstdCompressSync(text, optionsFor(text, search))], text.length));
}

/** The same on a thread of the system's pool. `text` must not change until it resolves. */
export function compressAside(text: Uint8Array, search: Search): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zstdCompress(text, optionsFor(text, search), (error, compressed) => {
      if (error === null) resolve(joined(withoutEmptyFrame([compressed], text.length)));
      else reject(error);
    });
  });
}

/** What zstd makes of nothing. */
const EMPTY_FRAME = zstdCompressSync(Buffer.alloc(0), optionsFor(Buffer.alloc(0), LIVE_SEARCH));

/**
 * Compressed text as zlib gave it, without an empty frame behind its frame: zlib asks zstd for more when its piece of memory
 * for output is full, and where the frame ended exactly there, zstd begins and ends another one.
 */
export function withoutEmptyFrame(parts: Buffer[], textBytes: number): Buffer[] {
  const last = parts.at(-1);
  const end = (last?.length ?? 0) - EMPTY_FRAME.length;
  if (last === undefined || end < 0 || last.compare(EMPTY_FRAME, 0, EMPTY_FRAME.length, end) !== 0)
    return parts;
  try {
    const before = joined([...parts.slice(0, -1), last.subarray(0, end)]);
    unpackBlock(before, textBytes);
    return [before];
  } catch {
    // It is the end of the frame itself, which happens to look like one.
    return parts;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

function optionsFor(text: Uint8Array, search: Search): ZstdOptions {
  return {
    // Where the text comes in pieces, zstd learns its size from nothing else.
    pledgedSrcSize: text.length,
    // Room for about a sixth of the text at a time: it is memory that the collector is told of and must come for.
    chunkSize: Math.max(1024, Math.min(text.length >> 2, 1 << 18)),
    params: frameParams(search),
  };
}

/** The parameters of a frame with content size and checksum. */
export function frameParams(search: Search): Record<number, number> {
  return { ...search, [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 1 };
}

/** The header at `offset`, or null where there is none: wrong magic, version or CRC, or sizes that cannot be. */
export function readBlockHeader(bytes: Buffer, offset: number): BlockHeader | null {
  if (offset < 0 || offset + HEADER_BYTES > bytes.length) return null;
  if (bytes.compare(HEADER_START, 0, HEADER_START.length, offset, offset + HEADER_START.length) !== 0)
    return null;
  const crc = bytes.readUInt32LE(offset + CRC_OFFSET);
  if (crc32(bytes.subarray(offset, offset + CRC_OFFSET)) !== crc) return null;
  if (bytes.readUInt16LE(offset + 16) !== BLOCK_VERSION) return null;
  const flags = bytes.readUInt16LE(offset + 18);
  const header: BlockHeader = {
    seal: (flags & FLAG_SEAL) !== 0,
    dense: (flags & FLAG_DENSE) !== 0,
    ordinal: bytes.readUInt32LE(offset + 20),
    firstTime: readTime(bytes, offset + 24),
    lastTime: readTime(bytes, offset + 32),
    frames: bytes.readUInt32LE(offset + 40),
    textBytes: bytes.readUInt32LE(offset + 44),
    compressedBytes: bytes.readUInt32LE(offset + 48),
    compressedCrc: bytes.readUInt32LE(offset + 52),
    previousCrc: bytes.readUInt32LE(offset + 56),
    crc,
  };
  return isPossible(header) ? header : null;
}

function isPossible(header: BlockHeader): boolean {
  return (
    header.ordinal > 0 &&
    header.frames > 0 &&
    header.frames <= header.textBytes &&
    header.textBytes <= BLOCK_TEXT_MAX &&
    // zstd never grows text by more than its frame and block headers.
    header.compressedBytes <= header.textBytes + (header.textBytes >> 8) + 1024 &&
    header.firstTime <= header.lastTime &&
    Number.isSafeInteger(header.lastTime)
  );
}

/**
 * Inflates the zstd frame of a block, never to more than its header says. Throws where the frame is damaged, is
 * not the only one, or has another size.
 */
export function unpackBlock(compressed: Buffer, textBytes: number): Buffer {
  const unpacked = zstdDecompressSync(mustBeZstd(compressed), unpackOptions(textBytes));
  return mustBeWhole(unpacked as unknown as Unpacked, compressed, textBytes);
}

/** The same on a thread of the system's pool. */
export async function unpackBlockAside(compressed: Buffer, textBytes: number): Promise<Buffer> {
  const unpacked = await new Promise((resolve, reject) => {
    zstdDecompress(mustBeZstd(compressed), unpackOptions(textBytes), (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
  return mustBeWhole(unpacked as Unpacked, compressed, textBytes);
}

/** What zlib gives where it is asked for `info`. */
interface Unpacked {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function unpackOptions(textBytes: number): ZstdOptions & { readonly info: true } {
  return {
    maxOutputLength: textBytes,
    // One more than there will be: zlib makes the next piece of memory as soon as one is full.
    chunkSize: Math.max(1024, Math.min(textBytes + 1, 4 << 20)),
    info: true,
  };
}

function mustBeZstd(compressed: Buffer): Buffer {
  if (compressed.length < 4 || compressed.readUInt32LE(0) !== ZSTD_MAGIC)
    throw new Error('no zstd frame stands behind the header');
  return compressed;
}

function mustBeWhole({ buffer, engine }: Unpacked, compressed: Buffer, textBytes: number): Buffer {
  if (engine.bytesWritten !== compressed.length)
    throw new Error(`${compressed.length - engine.bytesWritten} bytes stand behind the zstd frame`);
  if (buffer.length !== textBytes)
    throw new Error(`the text has ${buffer.length} bytes, its header says ${textBytes}`);
  return buffer;
}

function writeTime(bytes: Buffer, time: number, offset: number): void {
  bytes.writeUInt32LE(time % 2 ** 32, offset);
  bytes.writeUInt32LE(Math.floor(time / 2 ** 32), offset + 4);
}

function readTime(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * 2 ** 32 + bytes.readUInt32LE(offset);
}
