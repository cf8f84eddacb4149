import type { PackedBlock } from './block.ts';
import type { SealedEvent, SealLine } from './chain.ts';

/** Begins a file, named by `start` (µs), with the compressed decoder state beside it. */
export interface OpenItem {
  readonly kind: 'open';
  readonly memory: number;
  readonly start: number;
  readonly state: Buffer | null;
  readonly done: (path: string) => void;
}

export interface BlockItem {
  readonly kind: 'block';
  readonly memory: number;
  readonly block: PackedBlock;
  readonly firstTime: number;
  readonly byLink: ReadonlyMap<number, number>;
}

/** A block whose bytes are still to come; until then it holds its text. */
export interface PackingItem {
  readonly kind: 'packing';
  readonly memory: number;
  readonly packed: Promise<PackedBlock>;
  readonly firstTime: number;
  readonly byLink: ReadonlyMap<number, number>;
}

/** Ends a file. `done` gets null where the disk failed at the seal itself. */
export interface SealItem {
  readonly kind: 'seal';
  readonly memory: number;
  readonly line: SealLine;
  readonly done: (sealed: { readonly path: string; readonly seal: SealedEvent } | null) => void;
}

/** What a file is made of. `memory`: bytes that an item holds until it is durable. */
export type Item = OpenItem | BlockItem | PackingItem | SealItem;

/** Items are numbered from 1 in the order of pushing, so that durability is one number. */
export type Numbered<T extends Item = Item> = T & { readonly number: number };
