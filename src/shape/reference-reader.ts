import { type DecimalReader, isObject, toMicroseconds } from '../record/index.ts';
import { type Shape, type ShapeNode, treeOf } from './compile.ts';
import type { Drift } from './drift.ts';
import type { Cells, Reading } from './reading.ts';

/**
 * Reads a message of one shape out of what JSON.parse made of it: the plain meaning of a declaration, the judge of the
 * byte reader in tests, and the reader of whatever that one declines.
 */
export class ReferenceReader {
  readonly #name: string;
  readonly #root: ShapeNode;
  readonly #reading: Reading;
  readonly #decimals: DecimalReader;
  readonly #drift: Drift;
  #texts: string[] = [];
  #length = 0;
  #unknown: string[] = [];
  #cells: Cells;
  #base = 0;
  /** Why the last message is not of this shape; empty where it is. */
  problem = '';
  /** It was a text that should be a decimal, and is none. */
  isBadDecimal = false;

  constructor(shape: Shape, reading: Reading, decimals: DecimalReader, drift: Drift) {
    this.#name = shape.name;
    this.#root = treeOf(shape);
    this.#reading = reading;
    this.#decimals = decimals;
    this.#drift = drift;
    this.#cells = reading.root;
  }

  /** Reads `message` into the reading; false where it is not of this shape, and `problem` says why. */
  read(message: unknown): boolean {
    const reading = this.#reading;
    reading.begin(reading.bytes);
    this.#cells = reading.root;
    this.#base = 0;
    this.#unknown = [];
    this.#texts = [];
    this.#length = 0;
    this.problem = '';
    this.isBadDecimal = false;
    if (!this.#value(this.#root, message)) return false;
    // Each by itself: two halves of a character in two texts must not become one.
    reading.bytes = Buffer.concat(this.#texts.map((text) => Buffer.from(text)));
    if (reading.decimals.inexact > 0) this.#decimals.inexact += reading.decimals.inexact;
    if (this.#unknown.length > 0) this.#drift.note(this.#name, this.#unknown);
    return true;
  }

  #value(node: ShapeNode, value: unknown): boolean {
    if (node.isBlankable && (value === null || value === '')) return this.#keep(node, Number.NaN, '');
    if (node.optional && (value === undefined || value === null)) return true;
    return this.#present(node, value) || node.isLax;
  }

  #present(node: ShapeNode, value: unknown): boolean {
    switch (node.kind) {
      case 'decimal':
      case 'figure':
        return typeof value === 'string' && this.#decimal(node, value);
      case 'number':
        return this.#decimal(node, value);
      case 'integer':
        return Number.isSafeInteger(value) && this.#keep(node, value as number, String(value));
      case 'id':
        return this.#id(node, value);
      case 'time':
        return this.#keep(node, toMicroseconds(value), '');
      case 'text':
        return typeof value === 'string' && this.#keep(node, Number.NaN, value);
      case 'flag':
        return typeof value === 'boolean' && this.#keep(node, value ? 1 : 0, '');
      case 'choice':
        return this.#choice(node, value);
      case 'constant':
        return value === node.texts[0] || this.#wrong(node, value);
      case 'ignored':
        return true;
      case 'object':
        return this.#object(node, value);
      case 'tuple':
        return this.#tuple(node, value);
      case 'list':
        return this.#list(node, value);
    }
  }

  #wrong(node: ShapeNode, value: unknown): false {
    if (this.problem !== '') return false;
    this.isBadDecimal = isDecimal(node) && typeof value === 'string' && value !== '';
    this.problem = `expected ${expectation(node)} at ${node.path || 'the top'}, got ${shown(value)}`;
    return false;
  }

  #object(node: ShapeNode, value: unknown): boolean {
    if (!isObject(value)) return this.#wrong(node, value);
    for (const field of node.children) {
      const present = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
      if (!this.#value(field, present)) return this.#wrong(field, present);
    }
    for (const name of Object.keys(value))
      if (!node.children.some((field) => field.name === name))
        this.#unknown.push(node.path === '' ? name : `${node.path}.${name}`);
    return true;
  }

  #tuple(node: ShapeNode, value: unknown): boolean {
    if (!Array.isArray(value)) return this.#wrong(node, value);
    for (const [index, field] of node.children.entries())
      if (!this.#value(field, value[index])) return this.#wrong(field, value[index]);
    if (value.length > node.children.length) this.#unknown.push(`${node.path}[${node.children.length}…]`);
    return true;
  }

  #list(node: ShapeNode, value: unknown): boolean {
    if (!Array.isArray(value)) return this.#wrong(node, value);
    const item = node.children[0] as ShapeNode;
    const cells = this.#reading.lists[node.list] as Cells;
    const outer = this.#cells;
    const outerBase = this.#base;
    this.#cells = cells;
    for (const element of value) {
      this.#base = cells.next();
      if (!this.#value(item, element)) return this.#wrong(item, element);
    }
    this.#cells = outer;
    this.#base = outerBase;
    return true;
  }

  #id(node: ShapeNode, value: unknown): boolean {
    if (typeof value === 'string') return value !== '' && this.#keep(node, Number.NaN, value);
    if (!Number.isSafeInteger(value) || Object.is(value, -0) || (value as number) < 0) return false;
    return this.#keep(node, value as number, String(value));
  }

  #choice(node: ShapeNode, value: unknown): boolean {
    const index = node.texts.indexOf(value as string);
    if (index >= 0) return this.#keep(node, index, node.texts[index] as string);
    return node.open && this.#keep(node, Number.NaN, typeof value === 'string' ? value : '');
  }

  #decimal(node: ShapeNode, value: unknown): boolean {
    if (value === '') return node.optional;
    if (typeof value === 'number') return Number.isFinite(value) && this.#keep(node, value, String(value));
    if (typeof value !== 'string') return false;
    const number = this.#reading.decimals.readOrNull(value);
    return number !== null && this.#keep(node, number, value);
  }

  #keep(node: ShapeNode, value: number, text: string): true {
    const cells = this.#cells;
    const cell = this.#base + node.slot;
    cells.numbers[cell] = value;
    cells.starts[cell] = this.#length;
    this.#length += Buffer.byteLength(text);
    cells.ends[cell] = this.#length;
    this.#texts.push(text);
    return true;
  }
}

function isDecimal({ kind }: ShapeNode): boolean {
  return kind === 'decimal' || kind === 'figure';
}

function expectation(node: ShapeNode): string {
  if (node.kind === 'constant' || (node.kind === 'choice' && node.texts.length > 0))
    return node.texts.map((text) => JSON.stringify(text)).join(' or ');
  if (node.kind === 'object' || node.kind === 'integer' || node.kind === 'id') return `an ${node.kind}`;
  return isDecimal(node) ? 'a decimal' : `a ${node.kind}`;
}

/** A value as an error message shows it. */
function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 60);
}
