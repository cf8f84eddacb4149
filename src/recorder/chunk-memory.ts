import { FunctionCode, flow, i32, instantiateShared, memory, type WasmFunction } from '../wasm/index.ts';

/** Bytes that a socket gives in one read at most. */
const READ_BYTES = 64 * 1024;

/**
 * The memory of the pool, which the ear's thread and the recorder's share, and before it that of the ear's reads:
 *
 *     | what was read last | chunk | chunk | …
 *
 * Only one of them touches a chunk at a time: whoever has it. WebAssembly, which sees all of this memory, copies messages from a read
 * into chunks: for messages as short as trades in half of the time that `Buffer.copy` takes.
 */
export class ChunkMemory {
  /** Where reads go. */
  readonly reads: Buffer;
  readonly chunks: readonly Uint8Array[];
  /** `copy(to, from, length)`, by places in the whole memory. */
  readonly copy: WasmFunction;
  readonly #chunkBytes: number;

  /** `chunkBytes` must be a multiple of 8, and all chunks together take at most 2 GiB. */
  constructor(chunks: number, chunkBytes: number) {
    const { copy, memory: shared } = instantiateShared(
      { copy: copyCode() },
      READ_BYTES + chunks * chunkBytes,
    );
    this.copy = copy;
    this.#chunkBytes = chunkBytes;
    this.reads = Buffer.from(shared, 0, READ_BYTES);
    this.chunks = Array.from(
      { length: chunks },
      (_, index) => new Uint8Array(shared, READ_BYTES + index * chunkBytes, chunkBytes),
    );
  }

  /**
   * The chunk that the other thread gave back as `bytes`, which is the same memory by another object; null where it was never the
   * pool's.
   */
  own({ buffer, byteOffset }: Uint8Array): Uint8Array | null {
    if (!(buffer instanceof SharedArrayBuffer)) return null;
    return this.chunks[(byteOffset - READ_BYTES) / this.#chunkBytes] ?? null;
  }
}

function copyCode(): FunctionCode {
  const code = new FunctionCode(3);
  const [to, from, length] = [code.parameter(0), code.parameter(1), code.parameter(2)];
  return code.body(memory.copy(to, from, length), flow.returns(i32.add(to, length)));
}

/** The memory that goes along with these chunks to the other thread: that of chunks which are not the pool's. */
export function moving(chunks: readonly Uint8Array[]): ArrayBuffer[] {
  return chunks.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}
