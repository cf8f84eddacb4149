import type { DecimalReader } from '../src/record/index.ts';
import { type ShapeNode, treeOf } from '../src/shape/compile.ts';
import { ByteReader, Drift, Reading, ReferenceReader, type Shape } from '../src/shape/index.ts';
import type { Cells } from '../src/shape/reading.ts';

/** Both readers of a shape side by side, each with a reading and counts of its own. */
export class ReaderPair {
  /** Messages the byte reader took, and of those that the reference reader took too how many it declined. */
  read = 0;
  declined = 0;
  readonly shape: Shape;
  readonly #nodes: readonly ShapeNode[];
  readonly #bytes: { readonly reader: ByteReader; readonly side: Side };
  readonly #reference: { readonly reader: ReferenceReader; readonly side: Side };

  constructor(shape: Shape, decimals: () => DecimalReader) {
    this.shape = shape;
    this.#nodes = leaves(treeOf(shape));
    const bytes = sideOf(shape, decimals());
    const reference = sideOf(shape, decimals());
    this.#bytes = { reader: new ByteReader(shape, bytes.reading, bytes.decimals, bytes.drift), side: bytes };
    this.#reference = {
      reader: new ReferenceReader(shape, reference.reading, reference.decimals, reference.drift),
      side: reference,
    };
  }

  /**
   * Reads a message with both. Returns what differs, in
   * words; null where nothing does: the byte reader gave what the reference reader gave, or declined.
   */
  compare({ around, length, parsed }: Message): string | null {
    const isRead = this.#bytes.reader.read(around, BEFORE.length, BEFORE.length + length);
    const isReference = parsed !== undefined && this.#reference.reader.read(parsed);
    if (!isRead) {
      if (isReference) this.declined++;
      this.#forget();
      return null;
    }
    this.read++;
    const found = this.#difference(isReference);
    this.#forget();
    return found;
  }

  #difference(isReference: boolean): string | null {
    if (!isReference)
      return `the reference reader refuses it: ${this.#reference.reader.problem || 'no JSON'}`;
    const [bytes, reference] = [this.#bytes.side, this.#reference.side];
    if (bytes.decimals.inexact !== reference.decimals.inexact)
      return `${bytes.decimals.inexact} inexact numbers against ${reference.decimals.inexact}`;
    const paths = [bytes, reference].map(({ drift }) => [...drift.counts.keys()].sort().join('\n'));
    if (paths[0] !== paths[1]) return `drift ${paths[0]} against ${paths[1]}`;
    for (const node of this.#nodes) {
      const pair = [bytes, reference].map(({ reading }) => shown(node, reading));
      if (pair[0] !== pair[1]) return `${node.path}: ${pair[0]} against ${pair[1]}`;
    }
    return null;
  }

  #forget(): void {
    for (const { decimals, drift } of [this.#bytes.side, this.#reference.side]) {
      decimals.inexact = 0;
      drift.counts.clear();
    }
  }
}

interface Side {
  readonly reading: Reading;
  readonly decimals: DecimalReader;
  readonly drift: Drift;
}

function sideOf(shape: Shape, decimals: DecimalReader): Side {
  return { reading: new Reading(shape), decimals, drift: new Drift() };
}

/** What stands around a message in its buffer, and must not be looked at: it would complete what is cut off. */
const BEFORE = Buffer.from('{"a":[1');
const BEHIND = Buffer.from('0"}]}');

/** A message in the middle of others, and what JSON.parse makes of it: undefined where it refuses. */
export interface Message {
  readonly around: Buffer;
  readonly length: number;
  readonly parsed: unknown;
}

export function messageOf(bytes: Buffer): Message {
  const around = Buffer.concat([BEFORE, bytes, BEHIND]);
  try {
    return { around, length: bytes.length, parsed: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { around, length: bytes.length, parsed: undefined };
  }
}

interface Leaf {
  readonly node: ShapeNode;
  readonly list: number;
}

function leaves(root: ShapeNode): ShapeNode[] {
  const all: ShapeNode[] = [];
  const visit = ({ node, list }: Leaf): void => {
    if (node.slot >= 0) all.push(Object.assign(Object.create(Object.getPrototypeOf(node)), node, { list }));
    for (const child of node.children) visit({ node: child, list: node.kind === 'list' ? node.list : list });
  };
  visit({ node: root, list: -1 });
  return all;
}

/** Kinds whose slot gives a text. */
const WITH_TEXT = new Set(['decimal', 'number', 'integer', 'id', 'text', 'choice']);

/** All values of a field, as text: numbers with the sign of zero, texts where the kind has them. */
function shown(node: ShapeNode, reading: Reading): string {
  const cells = (node.list < 0 ? reading.root : reading.lists[node.list]) as Cells;
  const values: string[] = [];
  for (let row = 0; row < cells.count; row++) {
    const cell = row * cells.stride + node.slot;
    const number = cells.numbers[cell] as number;
    values.push(Object.is(number, -0) ? '-0' : String(number));
    if (!WITH_TEXT.has(node.kind)) continue;
    const start = cells.starts[cell] as number;
    values.push(start < 0 ? 'none' : JSON.stringify(reading.bytes.toString('utf8', start, cells.ends[cell])));
  }
  return values.join(' ');
}
