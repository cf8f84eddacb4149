import { constants, zstdCompressSync } from 'node:zlib';

/** Level 1 is within a few hundredths of a byte of level 3 on such pages, at half its time (`encode-group.bench.ts`). */
const COMPRESSION = { [constants.ZSTD_c_compressionLevel]: 1 };

/** A page of a column, or its dictionary, as one zstd frame. */
export function compress(bytes: Uint8Array): Uint8Array {
  return zstdCompressSync(bytes, { params: COMPRESSION, chunkSize: Math.max(1024, bytes.length + 1024) });
}
