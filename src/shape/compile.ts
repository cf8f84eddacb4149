import type { Field, Scalar, ScalarKind } from './declare.ts';
import type { SlotsOf } from './slots.ts';

export type NodeKind = ScalarKind | 'object' | 'tuple' | 'list';

/** What both readers walk: a declared field with its place. One class for all kinds, so that the walk stays fast. */
export class ShapeNode {
  readonly kind: NodeKind;
  readonly name: string;
  /** For people, and for drift: `data.b[][0]`. */
  readonly path: string;
  readonly meaning: string;
  readonly optional: boolean;
  /** The key as nearly all exchanges write it: `"p":`. */
  readonly key: Buffer;
  /** The texts of a choice or constant, in quotes. */
  readonly quoted: readonly Buffer[];
  readonly texts: readonly string[];
  readonly open: boolean;
  readonly isBlankable: boolean;
  readonly isLax: boolean;
  /** Fields of an object, places of a tuple, the one item of a list. */
  readonly children: ShapeNode[] = [];
  /** Index among the cells of its scope (the message, or an item of a list); -1 where nothing is kept. */
  slot = -1;
  /** Of a list: its number. */
  list = -1;
  /** How many of the children must be there. */
  required = 0;
  /** Of a walk: in which object this field was seen last. */
  seenIn = 0;
  /** Of a walk that learns: the keys of the object read last, in their order. */
  order: ShapeNode[] = [];
  /** A key of a learned layout that no declaration has: passed over, and drift. */
  readonly isUndeclared: boolean;

  constructor(kind: NodeKind, name: string, path: string, field: Field, isUndeclared = false) {
    this.isUndeclared = isUndeclared;
    const scalar = field as Partial<Scalar>;
    this.kind = kind;
    this.name = name;
    this.path = path;
    this.meaning = scalar.meaning ?? '';
    this.optional = field.optional;
    this.key = Buffer.from(`${JSON.stringify(name)}:`);
    this.texts = scalar.texts ?? [];
    this.quoted = this.texts.map((text) => Buffer.from(JSON.stringify(text)));
    this.open = scalar.open ?? false;
    this.isBlankable = scalar.isBlankable ?? false;
    this.isLax = scalar.isLax ?? false;
  }
}

/** Cells of one scope: how many a row has, and which of them start as null. */
export interface ScopePlan {
  stride: number;
  readonly optionalSlots: number[];
}

/** A declared message: compiled once, shared by every reader of it. */
export interface Shape<F extends Field = Field> {
  /** What it is called in drift and messages to people: `trade`; `trade (raw mode)` is the same in another envelope. */
  readonly name: string;
  readonly field: F;
  readonly slots: SlotsOf<F>;
  readonly scope: ScopePlan;
  readonly lists: readonly ScopePlan[];
}

/** Makes a shape of a declaration: gives each kept field its slot. */
export function shape<F extends Field>(name: string, field: F): Shape<F> {
  const plan = planOf(field);
  return { name, field, slots: plan.slots as SlotsOf<F>, scope: plan.scope, lists: plan.lists };
}

/** A tree of its own for each reader, since a reader notes in it what it has seen. */
export function treeOf(shape: Shape): ShapeNode {
  return planOf(shape.field).root;
}

function planOf(field: Field) {
  const scope: ScopePlan = { stride: 0, optionalSlots: [] };
  const lists: ScopePlan[] = [];
  const compiled = compile(field, '', '', scope, lists, false);
  return { root: compiled.node, slots: compiled.slots, scope, lists };
}

interface Compiled {
  readonly node: ShapeNode;
  readonly slots: unknown;
}

function compile(
  field: Field,
  name: string,
  path: string,
  scope: ScopePlan,
  lists: ScopePlan[],
  isOptional: boolean,
): Compiled {
  const node = new ShapeNode(field.kind, name, path, field);
  const optional = isOptional || field.optional;
  if (field.kind === 'list') return compileList(node, field.item, lists);
  if (field.kind === 'object') {
    const slots: Record<string, unknown> = {};
    for (const [key, child] of Object.entries(field.fields)) {
      const made = compile(child, key, path === '' ? key : `${path}.${key}`, scope, lists, optional);
      addChild(node, made.node);
      slots[key] = made.slots;
    }
    return { node, slots };
  }
  if (field.kind === 'tuple') {
    const slots = field.items.map((child, index) => {
      const made = compile(child, String(index), `${path}[${index}]`, scope, lists, optional);
      addChild(node, made.node);
      return made.slots;
    });
    return { node, slots };
  }
  if (field.kind === 'ignored' || field.kind === 'constant') return { node, slots: null };
  node.slot = scope.stride++;
  if (optional) scope.optionalSlots.push(node.slot);
  return { node, slots: node.slot };
}

function compileList(node: ShapeNode, item: Field, lists: ScopePlan[]): Compiled {
  const scope: ScopePlan = { stride: 0, optionalSlots: [] };
  node.list = lists.length;
  lists.push(scope);
  const made = compile(item, '', `${node.path}[]`, scope, lists, false);
  node.children.push(made.node);
  return { node, slots: { list: node.list, item: made.slots } };
}

function addChild(node: ShapeNode, child: ShapeNode): void {
  node.children.push(child);
  if (!child.optional) node.required++;
}
