import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { LIVE_SEARCH } from './block.ts';

/** Output is cut from pieces of memory of this size: a block takes a tenth of one. */
const OUTPUT_BYTES = 1 << 20;

/**
 * Compresses one text after the other on a thread of the system's pool, each into a frame of its own that is what `compress`
 * makes. It keeps zstd's working memory and the memory of its output: made anew for each block, they were a hundredth of
 * all CPU, and the collector came for them twice a second.
 */
export class Compressor {
  readonly #stream: ZstdCompress;
  #parts: Buffer[] = [];

  constructor() {
    this.#stream = createZstdCompress({
      chunkSize: OUTPUT_BYTES,
      // Each write is a frame: zstd sees all of it, so that its size can stand in the frame.
      flush: constants.ZSTD_e_end,
      params: { ...LIVE_SEARCH, [constants.ZSTD_c_checksumFlag]: 1, [constants.ZSTD_c_contentSizeFlag]: 1 },
    });
    this.#stream.on('data', (part: Buffer) => this.#parts.push(part));
    // A failure is told to whoever wrote.
    this.#stream.on('error', () => undefined);
  }

  /**
   * One text at a time, which must not change until it resolves. The parts are one behind the other, in memory that is not
   * used again.
   * @throws Error (rejects) where memory ran out, say: the compressor is of no use then
   */
  compress(text: Uint8Array): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      this.#stream.write(text, (error) => {
        if (error != null) return reject(error);
        // What the stream still holds comes to the listener above.
        while (this.#stream.read() !== null);
        const parts = this.#parts;
        this.#parts = [];
        resolve(parts);
      });
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}
