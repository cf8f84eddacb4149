import { type PackedBlock, packBlock } from './block.ts';
import type { Packer } from './packer.ts';

/** Packs when a test says so, in any order, for tests. Power loss is to take another one: what waits never comes. */
export class ManualPacker {
  readonly #waiting: { readonly run: () => void; readonly fail: () => void }[] = [];

  readonly pack: Packer = (text, ...counts) => {
    const { promise, resolve, reject } = Promise.withResolvers<PackedBlock>();
    this.#waiting.push({
      // The text is read only now: who wrote into it meanwhile is found out.
      run: () => resolve(packBlock(text, ...counts)),
      fail: () => reject(new Error('no memory')),
    });
    return promise;
  };

  /** Blocks that are being packed. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Ends the packing at `index`, well or badly; false where none waits. What follows from it takes a `turn`. */
  step(index = 0, fails = false): boolean {
    const [packing] = this.#waiting.splice(index % Math.max(1, this.#waiting.length), 1);
    if (fails) packing?.fail();
    else packing?.run();
    return packing !== undefined;
  }
}
