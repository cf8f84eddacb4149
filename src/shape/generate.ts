import type { ShapeNode } from './compile.ts';
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, skipValue } from './json-bytes.ts';
import { readLevels } from './level-lists.ts';
import type { Reading } from './reading.ts';
import {
  POWERS,
  readBlank,
  readDecimal,
  readId,
  readInteger,
  readNumber,
  readText,
  readTime,
} from './scalars.ts';

/** Reads a message in `bytes[at..end)`; false where it is not laid out as expected. */
export type LayoutReader = (bytes: Buffer, at: number, end: number, reading: Reading) => boolean;

/** What generated code may call, everything but the plain case of each kind, and its powers of ten. */
const CALLS = {
  readBlank,
  readDecimal,
  readId,
  readInteger,
  readLevels,
  readNumber,
  readText,
  readTime,
  skipValue,
  P: POWERS,
};
const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
/** The high nibbles of a word's bytes. */
const NIBBLES = 0xf0f0f0f0 | 0;

/**
 * Writes the code that reads one layout: keys in this very order, in compact form, and values in their plain form
 * without a call; three to five times faster than walking the declaration (shape.bench.ts). What is not plain is left
 * to the functions of scalars.ts, and any surprise ends it: the message is then walked. Keys and texts go into the code
 * as the numbers of their bytes, so nothing that an exchange sends can become code.
 *
 * Digits and keys are looked at four bytes at a time: a word with 0x30 taken from each byte is four digits where no byte
 * has anything above its low nibble, before and after six is added; then digits are joined in pairs, and pairs in fours.
 *
 *     b v bytes, and words of them   at position, end   R root cells, L lists
 *     n s e the present cells' arrays, o their first index   i f p g u m k x t d scratch of numbers
 */
export function generate(root: ShapeNode): LayoutReader {
  const code = new Code();
  code.value(root);
  const names = Object.keys(CALLS);
  const body = `return function readLayout(b,at,end,reading){
const R=reading.root,L=reading.lists,v=reading.view;
let n=R.numbers,s=R.starts,e=R.ends,o=0,i=0,f=0,p=0,g=0,u=0,m=0,k=0,x=0,t=0,d=0;
${code.text()}
return at===end;}`;
  return new Function(...names, body)(...Object.values(CALLS)) as LayoutReader;
}

/** Code being written, a line a push. */
class Code {
  readonly #lines: string[] = [];
  /** Names made unique: positions that loops and optional places need. */
  #names = 0;

  text(): string {
    return this.#lines.join('\n');
  }

  #line(text: string): void {
    this.#lines.push(text);
  }

  /** Reads a value at `at`. */
  value(node: ShapeNode): void {
    if (!node.optional || node.kind === 'ignored' || node.isBlankable) {
      this.#present(node);
      return;
    }
    this.#line(`if(${matches(NULL)}){at+=${NULL.length};}`);
    if (node.kind === 'decimal' || node.kind === 'figure' || node.kind === 'number')
      this.#line('else if(at+1<end&&b[at]===34&&b[at+1]===34){at+=2;}');
    this.#line('else{');
    this.#present(node);
    this.#line('}');
  }

  #present(node: ShapeNode): void {
    switch (node.kind) {
      case 'decimal':
      case 'figure':
        this.#decimal(node, 'readDecimal');
        break;
      case 'number':
        this.#decimal(node, 'readNumber');
        break;
      case 'integer':
        this.#integer(node, 'readInteger');
        break;
      case 'id':
        this.#integer(node, 'readId');
        break;
      case 'time':
        this.#time(node);
        break;
      case 'text':
        this.#text(node);
        break;
      case 'flag':
        this.#flag(node);
        break;
      case 'choice':
        this.#choice(node);
        break;
      case 'constant':
        this.#expect(node.quoted[0] as Buffer);
        break;
      case 'ignored':
        this.#line(`if(${matches(TRUE)})at+=4;else if((at=skipValue(b,at,end))<0)return false;`);
        break;
      case 'object':
        this.#object(node);
        break;
      case 'tuple':
        this.#tuple(node);
        break;
      case 'list':
        this.#list(node);
        break;
    }
  }

  #call(name: keyof typeof CALLS, node: ShapeNode): void {
    this.#line(`if((at=${name}(b,at,end,${this.#cells},o+${node.slot}))<0)return false;`);
  }

  /** The cells that are being filled: of the message, or of a list. */
  #cells = 'R';

  #expect(text: Buffer): void {
    this.#line(`if(!(${matches(text)}))return false;at+=${text.length};`);
  }

  #byte(byte: number): void {
    this.#line(`if(at>=end||b[at]!==${byte})return false;at++;`);
  }

  /**
   * The plain cases: in quotes, without a sign, and either eight decimals and at most seven digits before them, or at most
   * nine digits in all. The digits are then a whole number below 2^53, and the power of ten is exact.
   */
  #decimal(node: ShapeNode, otherwise: 'readDecimal' | 'readNumber'): void {
    if (node.isBlankable)
      this.#line(`if((i=readBlank(b,at,end,${this.#cells},o+${node.slot}))>=0)at=i;else{`);
    this.#line('i=at+1;u=0;f=0;p=g=-1;if(at<end&&b[at]===34){');
    this.#smallDigits();
    this.#line('f=i;if(i<end&&b[i]===46){p=++i;');
    this.#eightPlaces();
    this.#line('else{');
    this.#smallDigits();
    this.#line(`}}}
if(f>at+1&&i<end&&b[i]===34&&(g>=0?f-at<9:i-at<(p<0?11:12))){
const c=o+${node.slot};n[c]=g>=0?(u*1e8+g)/1e8:p<0?u:u/P[i-p];s[c]=at+1;e[c]=i;at=i+1;
}else{`);
    this.#call(otherwise, node);
    this.#line(node.isBlankable ? '}}' : '}');
  }

  /** Eight digits and a quote, in which all decimals of some exchanges end, as `g`: two words at once. */
  #eightPlaces(): void {
    this.#line(`if(i+8<end&&b[i+8]===34&&(x=v.getInt32(i,true)^0x30303030,k=v.getInt32(i+4,true)^0x30303030,
(((x+0x06060606|x)|(k+0x06060606|k))&${NIBBLES})===0)){t=Math.imul(x,10)+(x>>>8)|0;d=Math.imul(k,10)+(k>>>8)|0;
g=Math.imul((t&255)*100+(t>>>16&255),10000)+((d&255)*100+(d>>>16&255))|0;i+=8;}`);
  }

  /** Joins the digits from `i` on to `u`, which is right for as long as there are at most nine; `i` is then behind them. */
  #smallDigits(): void {
    this.#line('for(;i<end;i++){d=b[i]-48;if(d<0||d>9)break;u=Math.imul(u,10)+d|0;}');
  }

  /** Joins the digits from `i` on to `m`; `i` is then behind them. */
  #digits(): void {
    this.#line(`for(;i+4<=end;i+=4){x=v.getInt32(i,true)^0x30303030;if(((x+0x06060606|x)&${NIBBLES})!==0)break;
t=Math.imul(x,10)+(x>>>8)|0;m=m*1e4+((t&255)*100+(t>>>16&255));}
for(;i<end;i++){d=b[i]-48;if(d<0||d>9)break;m=m*10+d;}`);
  }

  /** The condition that `k` digits at `at`, without a useless zero, are a number that ends at `i`. */
  #isWhole(lengths: string): string {
    return `(${lengths})&&b[at]!==48&&i<end&&(b[i]===44||b[i]===125||b[i]===93)`;
  }

  /** The plain case: up to 15 digits that do not begin with zero. */
  #integer(node: ShapeNode, otherwise: 'readInteger' | 'readId'): void {
    this.#line('i=at;m=0;');
    this.#digits();
    this.#line(
      `k=i-at;if(${this.#isWhole('k>0&&k<=15')}){const c=o+${node.slot};n[c]=m;s[c]=at;e[c]=i;at=i;}else{`,
    );
    this.#call(otherwise, node);
    this.#line('}');
  }

  /** The plain cases: ms of 13 digits, µs of 16. */
  #time(node: ShapeNode): void {
    this.#line('i=at;m=0;');
    this.#digits();
    this.#line(
      `k=i-at;if(${this.#isWhole('k===13||k===16')}){const c=o+${node.slot};n[c]=k===13?m*1e3:m;s[c]=at;e[c]=i;at=i;}else{`,
    );
    this.#call('readTime', node);
    this.#line('}');
  }

  #text(node: ShapeNode): void {
    this.#line(`if(at>=end||b[at]!==34)return false;
for(i=at+1;i<end;i++){const c=b[i];if(c===34||c<32||c>126||c===92)break;}
if(i>=end||b[i]!==34)return false;{const c=o+${node.slot};n[c]=NaN;s[c]=at+1;e[c]=i;at=i+1;}`);
  }

  #flag(node: ShapeNode): void {
    for (const [index, text] of [TRUE, FALSE].entries()) {
      this.#line(`${index === 0 ? '' : 'else '}if(${matches(text)}){const c=o+${node.slot};`);
      this.#line(`n[c]=${1 - index};s[c]=at;e[c]=at+${text.length};at+=${text.length};}`);
    }
    this.#line('else return false;');
  }

  #choice(node: ShapeNode): void {
    for (const [index, text] of node.quoted.entries()) {
      this.#line(`${index === 0 ? '' : 'else '}if(${matches(text)}){const c=o+${node.slot};`);
      this.#line(`n[c]=${index};s[c]=at+1;e[c]=at+${text.length - 1};at+=${text.length};}`);
    }
    this.#line('else ');
    if (node.open) this.#call('readText', node);
    else this.#line('return false;');
  }

  /** Keys in the order of the children; optional ones may be left out. A comma stands before each key but the first. */
  #object(node: ShapeNode): void {
    this.#byte(OPEN_BRACE);
    const first = `q${this.#names++}`;
    this.#line(`const ${first}=at;`);
    let mayBeFirst = true;
    for (const child of node.children) {
      if (mayBeFirst) this.#line(`i=at===${first}?at:b[at]===${COMMA}?at+1:end;`);
      const at = mayBeFirst ? 'i' : 'at';
      const key = mayBeFirst ? child.key : Buffer.concat([Buffer.of(COMMA), child.key]);
      if (child.optional && !child.isUndeclared) {
        this.#line(`if(${matches(key, at)}){at=${at}+${key.length};`);
        this.value(child);
        this.#line('}');
      } else {
        this.#line(`if(!(${matches(key, at)}))return false;at=${at}+${key.length};`);
        this.value(child);
        mayBeFirst = false;
      }
    }
    this.#byte(CLOSE_BRACE);
  }

  #tuple(node: ShapeNode): void {
    this.#byte(OPEN_BRACKET);
    for (const [index, child] of node.children.entries()) {
      if (child.optional && index > 0) this.#line(`if(at<end&&b[at]===${COMMA}){at++;`);
      else if (index > 0) this.#byte(COMMA);
      this.value(child);
      if (child.optional && index > 0) this.#line('}');
    }
    this.#byte(CLOSE_BRACKET);
  }

  #list(node: ShapeNode): void {
    const cells = `l${this.#names++}`;
    this.#byte(OPEN_BRACKET);
    this.#line(`if(at<end&&b[at]===${CLOSE_BRACKET})at++;else{const ${cells}=L[${node.list}];for(;;){`);
    if (isLevel(node.children[0] as ShapeNode))
      this.#line(`at=readLevels(b,at,end,${cells},reading);if(b[at-1]===${CLOSE_BRACKET})break;`);
    this.#line(`o=${cells}.next();n=${cells}.numbers;s=${cells}.starts;e=${cells}.ends;`);
    this.#cells = cells;
    this.value(node.children[0] as ShapeNode);
    this.#cells = 'R';
    this.#line(`if(at>=end)return false;if(b[at]===${COMMA}){at++;continue;}`);
    this.#line(`if(b[at]!==${CLOSE_BRACKET})return false;at++;break;}`);
    this.#line('n=R.numbers;s=R.starts;e=R.ends;o=0;}');
  }
}

/** Whether items of a list are what `level-lists.ts` reads. */
function isLevel({ kind, children }: ShapeNode): boolean {
  return kind === 'tuple' && children.length === 2 && children.every((child) => child.kind === 'figure');
}

/** The condition that these bytes stand at a position, before `end`: words, the last of which may overlap. */
function matches(text: Buffer, at = 'at'): string {
  const { length } = text;
  const tests = [`${at}+${length}<=end`];
  const words = length >= 4 ? Array.from({ length: length >> 2 }, (_, word) => word * 4) : [];
  if (length >= 4 && length % 4 > 0) words.push(length - 4);
  for (const offset of words) tests.push(`v.getInt32(${at}+${offset},true)===${text.readInt32LE(offset)}`);
  if (length < 4) for (const [index, byte] of text.entries()) tests.push(`b[${at}+${index}]===${byte}`);
  return tests.join('&&');
}
