import { freeMemory } from '../host/index.ts';
import { compress } from './compress.ts';

/** Parquet's BYTE_STREAM_SPLIT: the first bytes of all numbers, then the second ones, …: alike bytes side by side. */
export function splitBytes(to: Uint8Array, at: number, values: Float64Array, count: number): void {
  const halves = new Uint32Array(values.buffer, values.byteOffset, count * 2);
  const view = new DataView(to.buffer, to.byteOffset, to.byteLength);
  const fours = count & ~3;
  for (let half = 0; half < 2; half++) {
    const first = at + half * 4 * count;
    const [second, third, fourth] = [first + count, first + 2 * count, first + 3 * count];
    // Four numbers at a time: the same byte of each is a word.
    for (let i = 0, from = half; i < fours; i += 4, from += 8) {
      const a = halves[from] as number;
      const b = halves[from + 2] as number;
      const c = halves[from + 4] as number;
      const d = halves[from + 6] as number;
      const lows = (a & 0xff00ff) | ((b & 0xff00ff) << 8);
      const nextLows = (c & 0xff00ff) | ((d & 0xff00ff) << 8);
      const highs = ((a >>> 8) & 0xff00ff) | (b & 0xff00ff00);
      const nextHighs = ((c >>> 8) & 0xff00ff) | (d & 0xff00ff00);
      view.setInt32(first + i, (lows & 0xffff) | (nextLows << 16), true);
      view.setInt32(second + i, (highs & 0xffff) | (nextHighs << 16), true);
      view.setInt32(third + i, (lows >>> 16) | (nextLows & 0xffff0000), true);
      view.setInt32(fourth + i, (highs >>> 16) | (nextHighs & 0xffff0000), true);
    }
    for (let i = fours; i < count; i++) {
      const word = halves[2 * i + half] as number;
      to[first + i] = word;
      to[second + i] = word >>> 8;
      to[third + i] = word >>> 16;
      to[fourth + i] = word >>> 24;
    }
  }
}

/** Numbers that are looked at: so many stretches, from all over the column, of so many each. */
const STRETCHES = 4;
const STRETCH = 1024;
const sample = new Float64Array(STRETCHES * STRETCH);
const split = new Uint8Array(sample.byteLength);

/** About how many bytes a number takes whose bytes are split and compressed, by a sample. */
export function splitSize(values: Float64Array, count: number): number {
  const sampled = Math.min(count, sample.length);
  if (count <= sample.length) sample.set(values.subarray(0, count));
  else
    for (let n = 0; n < STRETCHES; n++) {
      const from = Math.floor((n * (count - STRETCH)) / (STRETCHES - 1));
      sample.set(values.subarray(from, from + STRETCH), n * STRETCH);
    }
  splitBytes(split, 0, sample, sampled);
  const packed = compress(split.subarray(0, sampled * 8));
  const size = packed.length / sampled;
  freeMemory(packed);
  return size;
}
