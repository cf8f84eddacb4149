import { type Shape, ShapeNode, treeOf } from './compile.ts';
import { generate, type LayoutReader } from './generate.ts';

/** Layouts of one shape at most, the declared one included: each is code of its own. */
const LAYOUTS_MAX = 6;

/** One order of keys in which an exchange writes a message. */
export interface Layout {
  readonly read: LayoutReader;
  /** The keys that messages of this layout have and no declaration: drift. */
  readonly unknown: readonly UnknownKey[];
}

export interface UnknownKey {
  readonly path: string;
  /** The list whose items have it: an empty one has none. -1: every message of the layout has it. */
  readonly list: number;
}

const layouts = new WeakMap<Shape, Map<string, Layout>>();

/** The layouts known of a shape, shared by all its readers: the declared one first. */
export function layoutsOf(shape: Shape): Layout[] {
  return [...known(shape).values()];
}

function known(shape: Shape): Map<string, Layout> {
  let found = layouts.get(shape);
  if (found === undefined) {
    const root = treeOf(shape);
    found = new Map([[signature(root), { read: generate(root), unknown: [] }]]);
    layouts.set(shape, found);
  }
  return found;
}

/**
 * Takes the order in which a walk has just found the keys. Declared fields that were absent keep their place behind the
 * one they are declared after.
 * @returns false where nothing was learned: it is known, there are too many, or it is no layout.
 */
export function learnLayout(shape: Shape, walked: ShapeNode): boolean {
  const all = known(shape);
  const unknown: UnknownKey[] = [];
  const root = arranged(walked, -1, unknown);
  if (root === null) return false;
  const key = signature(root);
  if (all.has(key) || all.size >= LAYOUTS_MAX) return false;
  all.set(key, { read: generate(root), unknown });
  return true;
}

/** Null where a key is unknown in an object that may be absent: messages of such a layout need not have it. */
function arranged(node: ShapeNode, list: number, unknown: UnknownKey[]): ShapeNode | null {
  const isObject = node.kind === 'object' && node.order.length > 0;
  const order = isObject ? withAbsent(node.order, node.children) : node.children;
  const within = node.kind === 'list' ? node.list : list;
  const before = unknown.length;
  if (isObject)
    for (const child of order) if (child.isUndeclared) unknown.push({ path: child.path, list: within });
  const children: ShapeNode[] = [];
  for (const child of order) {
    const made = arranged(child, within, unknown);
    if (made === null) return null;
    children.push(made);
  }
  if (node.optional && unknown.slice(before).some((key) => key.list === list)) return null;
  return Object.assign(Object.create(ShapeNode.prototype) as ShapeNode, node, { children });
}

function withAbsent(found: readonly ShapeNode[], declared: readonly ShapeNode[]): ShapeNode[] {
  const order = [...found];
  for (const [index, field] of declared.entries())
    if (!order.includes(field)) order.splice(order.indexOf(declared[index - 1] as ShapeNode) + 1, 0, field);
  return order;
}

/** A layout as text: names in their order, and nothing else that two layouts of one shape could differ in. */
function signature(node: ShapeNode): string {
  return `${JSON.stringify(node.name)}(${node.children.map(signature).join(',')})`;
}
