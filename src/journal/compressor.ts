import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { frameParams, LIVE_SEARCH, withoutEmptyFrame } from './block.ts';

/** Output is cut from pieces of memory of this size: a block takes a tenth of one. */
const OUTPUT_BYTES = 1 << 20;

/**
 * Compresses one text after the other on a thread of the system's pool, each into a zstd frame with content size and
 * checksum. It keeps zstd's working memory and the memory of its output: made anew for each block, they were a fifth of
 * packing, and the collector came for them twice a second. Where zstd ends its own blocks depends on the room there is for
 * output, so that the same text may give a few bytes more or less.
 */
export class Compressor {
  readonly #stream: ZstdCompress;
  #parts: Buffer[] = [];
  /** Ends the compression under way with an error: zlib does not tell it to whoever wrote. */
  #reject: (error: Error) => void = () => undefined;

  constructor(stream = liveStream()) {
    this.#stream = stream;
    this.#stream.on('data', (part: Buffer) => this.#parts.push(part));
    this.#stream.on('error', (error) => this.#reject(error));
  }

  /**
   * One text at a time, which must not change until it resolves. The parts are one behind the other, in memory that is not
   * used again.
   * @throws Error (rejects) where memory ran out, say: the compressor is of no use then
   */
  compress(text: Uint8Array): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#stream.write(text, (error) => {
        if (error != null) return reject(error);
        // What the stream still holds comes to the listener above.
        while (this.#stream.read() !== null);
        const parts = this.#parts;
        this.#parts = [];
        resolve(withoutEmptyFrame(parts, text.length));
      });
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}

function liveStream(): ZstdCompress {
  return createZstdCompress({
    chunkSize: OUTPUT_BYTES,
    // Each write is a frame: zstd sees all of it, so that its size can stand in the frame.
    flush: constants.ZSTD_e_end,
    params: frameParams(LIVE_SEARCH),
  });
}
