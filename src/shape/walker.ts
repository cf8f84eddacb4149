import { type Shape, ShapeNode, treeOf } from './compile.ts';
import { ignored } from './declare.ts';
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  skipValue,
  startsWith,
} from './json-bytes.ts';
import type { Cells, Reading } from './reading.ts';
import {
  plainStringEnd,
  readBlank,
  readDecimal,
  readFlag,
  readId,
  readInteger,
  readNumber,
  readText,
  readTime,
} from './scalars.ts';

const NULL = Buffer.from('null');

/**
 * Reads a message off its bytes in whatever order its keys come: each key is predicted to be the next declared one,
 * then looked for among all, then passed over as drift. Declined (false) are escapes and bytes above 127 in what is
 * kept, keys that come twice, numbers in a form of their own.
 */
export class Walker {
  /** Paths of keys and places that the declaration lacks, of the message read last. */
  unknown: string[] = [];
  readonly root: ShapeNode;
  /** Note the order of keys in `ShapeNode.order`. */
  isLearning = false;
  readonly #reading: Reading;
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  /** Cells of the scope being read, and the first of its present row. */
  #cells: Cells;
  #base = 0;
  /** Numbers the objects read, so that a key is seen to come twice. */
  #serial = 0;
  /** The field of the key that was read last; null where it is not declared. */
  #found: ShapeNode | null = null;

  constructor(shape: Shape, reading: Reading) {
    this.root = treeOf(shape);
    this.#reading = reading;
    this.#cells = reading.root;
  }

  /** Reads the message in `bytes[start..end)` into the reading, which has been begun. */
  read(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#end = end;
    this.#cells = this.#reading.root;
    this.#base = 0;
    if (this.unknown.length > 0) this.unknown = [];
    if (this.isLearning) forgetOrders(this.root);
    const at = this.#value(this.root, start);
    return at >= 0 && skipSpace(bytes, at, end) === end;
  }

  /** Reads a value, white space before it included. Returns the position behind it, or -1. */
  #value(node: ShapeNode, at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    at = skipSpace(bytes, at, end);
    if (node.optional && !node.isBlankable && startsWith(bytes, at, end, NULL)) return at + NULL.length;
    switch (node.kind) {
      case 'decimal':
      case 'figure':
      case 'number':
        return this.#decimal(node, at);
      case 'integer':
        return readInteger(bytes, at, end, this.#cells, this.#base + node.slot);
      case 'id':
        return readId(bytes, at, end, this.#cells, this.#base + node.slot);
      case 'time':
        return readTime(bytes, at, end, this.#cells, this.#base + node.slot);
      case 'text':
        return readText(bytes, at, end, this.#cells, this.#base + node.slot);
      case 'flag':
        return readFlag(bytes, at, end, this.#cells, this.#base + node.slot);
      case 'choice':
        return this.#choice(node, at);
      case 'constant':
        return this.#constant(node, at);
      case 'ignored':
        return skipValue(bytes, at, end);
      case 'object':
        return this.#object(node, at);
      case 'tuple':
        return this.#tuple(node, at);
      case 'list':
        return this.#list(node, at);
    }
  }

  #object(node: ShapeNode, at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const serial = ++this.#serial;
    let missing = node.required;
    if (this.isLearning) node.order = [];
    if (at >= end || bytes[at] !== OPEN_BRACE) return -1;
    at = skipSpace(bytes, at + 1, end);
    if (at < end && bytes[at] === CLOSE_BRACE) return missing === 0 ? at + 1 : -1;
    for (let next = 0; ; ) {
      const index = predict(node.children, next, bytes, at, end);
      at = index < 0 ? this.#spelledKey(node, at) : this.#predictedKey(node.children[index] as ShapeNode, at);
      if (at < 0) return -1;
      const field = this.#found;
      if (field === null) at = skipValue(bytes, skipSpace(bytes, at, end), end);
      else {
        if (field.seenIn === serial) return -1;
        field.seenIn = serial;
        if (this.isLearning) node.order.push(field);
        if (!field.optional) missing--;
        next = (index < 0 ? node.children.indexOf(field) : index) + 1;
        at = this.#value(field, at);
      }
      at = this.#separator(at, CLOSE_BRACE);
      if (at < 0) return -1;
      if (bytes[at - 1] === CLOSE_BRACE) return missing === 0 ? at : -1;
    }
  }

  /** Passes over what separates members, or ends them; -1 where there is neither (or `at` is -1). */
  #separator(at: number, close: number): number {
    if (at < 0) return -1;
    at = skipSpace(this.#bytes, at, this.#end);
    if (at >= this.#end) return -1;
    const byte = this.#bytes[at];
    return byte === COMMA || byte === close ? at + 1 : -1;
  }

  #predictedKey(field: ShapeNode, at: number): number {
    this.#found = field;
    return at + field.key.length;
  }

  /** Reads a key in any spelling of white space. Returns the position behind its colon, or -1. */
  #spelledKey(node: ShapeNode, at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    at = skipSpace(bytes, at, end);
    if (at >= end || bytes[at] !== QUOTE) return -1;
    const behind = plainStringEnd(bytes, at, end);
    if (behind < 0) return -1;
    const name = bytes.toString('latin1', at + 1, behind - 1);
    const colon = skipSpace(bytes, behind, end);
    if (colon >= end || bytes[colon] !== COLON) return -1;
    this.#found = node.children.find((field) => field.name === name) ?? null;
    if (this.#found === null) this.#passOver(node, name);
    return colon + 1;
  }

  #passOver(node: ShapeNode, name: string): void {
    const path = node.path === '' ? name : `${node.path}.${name}`;
    this.unknown.push(path);
    if (this.isLearning) node.order.push(new ShapeNode('ignored', name, path, ignored(), true));
  }

  #tuple(node: ShapeNode, at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const items = node.children;
    let missing = node.required;
    if (at >= end || bytes[at] !== OPEN_BRACKET) return -1;
    at = skipSpace(bytes, at + 1, end);
    if (at < end && bytes[at] === CLOSE_BRACKET) return missing === 0 ? at + 1 : -1;
    for (let index = 0; ; index++) {
      const item = items[index];
      if (item === undefined) {
        if (index === items.length) this.unknown.push(`${node.path}[${index}…]`);
        at = skipValue(bytes, skipSpace(bytes, at, end), end);
      } else {
        if (!item.optional) missing--;
        at = this.#value(item, at);
      }
      at = this.#separator(at, CLOSE_BRACKET);
      if (at < 0) return -1;
      if (bytes[at - 1] === CLOSE_BRACKET) return missing === 0 ? at : -1;
    }
  }

  #list(node: ShapeNode, at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    const item = node.children[0] as ShapeNode;
    const cells = this.#reading.lists[node.list] as Cells;
    if (at >= end || bytes[at] !== OPEN_BRACKET) return -1;
    at = skipSpace(bytes, at + 1, end);
    if (at < end && bytes[at] === CLOSE_BRACKET) return at + 1;
    const outer = this.#cells;
    const outerBase = this.#base;
    this.#cells = cells;
    do {
      this.#base = cells.next();
      at = this.#separator(this.#value(item, at), CLOSE_BRACKET);
      if (at < 0) return -1;
    } while (bytes[at - 1] !== CLOSE_BRACKET);
    this.#cells = outer;
    this.#base = outerBase;
    return at;
  }

  /** An optional one may be written as an empty text: null. A blankable one then has a value. */
  #decimal(node: ShapeNode, at: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    if (node.isBlankable) {
      const behind = readBlank(bytes, at, end, this.#cells, this.#base + node.slot);
      if (behind >= 0) return behind;
    } else if (node.optional && at + 1 < end && bytes[at] === QUOTE && bytes[at + 1] === QUOTE) return at + 2;
    const read = node.kind === 'number' ? readNumber : readDecimal;
    return read(bytes, at, end, this.#cells, this.#base + node.slot);
  }

  #choice(node: ShapeNode, at: number): number {
    for (const [index, quoted] of node.quoted.entries()) {
      if (!startsWith(this.#bytes, at, this.#end, quoted)) continue;
      readText(this.#bytes, at, this.#end, this.#cells, this.#base + node.slot);
      this.#cells.numbers[this.#base + node.slot] = index;
      return at + quoted.length;
    }
    return node.open ? readText(this.#bytes, at, this.#end, this.#cells, this.#base + node.slot) : -1;
  }

  #constant(node: ShapeNode, at: number): number {
    const quoted = node.quoted[0] as Buffer;
    return startsWith(this.#bytes, at, this.#end, quoted) ? at + quoted.length : -1;
  }
}

/** What an earlier walk saw is no part of what this one sees: an object may be absent, a list empty. */
function forgetOrders(node: ShapeNode): void {
  node.order = [];
  for (const child of node.children) forgetOrders(child);
}

/** Index of the field whose key stands at `at` in compact form, looked for from `next` on and around; -1: none. */
function predict(fields: readonly ShapeNode[], next: number, bytes: Buffer, at: number, end: number): number {
  for (let i = next; i < fields.length; i++)
    if (startsWith(bytes, at, end, (fields[i] as ShapeNode).key)) return i;
  for (let i = 0; i < next; i++) if (startsWith(bytes, at, end, (fields[i] as ShapeNode).key)) return i;
  return -1;
}
