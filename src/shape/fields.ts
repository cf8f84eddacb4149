import { type Shape, type ShapeNode, treeOf } from './compile.ts';

/** One declared field, for people. */
export interface FieldLine {
  /** `data.b[][0]` */
  readonly path: string;
  /** `decimal`, `optional time`, `"trade"`. */
  readonly kind: string;
  readonly meaning: string;
}

/** The fields of a message, in the order of their declaration: what documentation is made from. */
export function fieldsOf(shape: Shape): FieldLine[] {
  const lines: FieldLine[] = [];
  const visit = (node: ShapeNode): void => {
    if (node.children.length === 0)
      lines.push({ path: node.path, kind: kindOf(node), meaning: node.meaning });
    for (const child of node.children) visit(child);
  };
  visit(treeOf(shape));
  return lines;
}

/** That nobody asks for its text is nothing about the message. */
function wordOf({ kind }: ShapeNode): string {
  return kind === 'figure' ? 'decimal' : kind;
}

function kindOf(node: ShapeNode): string {
  if (node.kind === 'ignored') return 'not used';
  const texts = node.texts.map((text) => JSON.stringify(text)).join(' or ');
  const kind = texts === '' ? wordOf(node) : `${texts}${node.open ? ' or another' : ''}`;
  return node.optional ? `optional ${kind}` : kind;
}
