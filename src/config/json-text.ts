import type { Path } from './problem.ts';

/** Deepest nesting read; deeper documents could exhaust the stack of whoever walks them. */
export const DEPTH_MAX = 64;
/** Most values in a document: far above any config, far below what costs time or memory. */
export const VALUES_MAX = 50_000;

/** A key given twice in one object: JSON.parse would take the second without a word. */
export interface RepeatedKey {
  readonly path: Path;
  readonly line: number;
}

export type JsonText =
  | { readonly ok: true; readonly value: unknown; readonly repeated: readonly RepeatedKey[] }
  | { readonly ok: false; readonly message: string; readonly line: number; readonly column: number };

/**
 * Reads a JSON document as JSON.parse does, but says where an error is (line and column from 1) and in words what
 * was expected, finds repeated keys, and refuses documents that are too deep or too large. Never throws.
 */
export function readJsonText(text: string): JsonText {
  const scanner = new Scanner(text);
  try {
    scanner.document();
    return { ok: true, value: JSON.parse(text), repeated: scanner.repeated };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, message, ...scanner.place() };
  }
}

/** Walks the text once by the grammar of RFC 8259 and makes no values. */
class Scanner {
  readonly repeated: RepeatedKey[] = [];
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;
  /** Counted in `#space`: the only place where the grammar allows a line break. */
  #line = 1;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#space();
    if (this.#at >= this.#text.length) this.#fail('the file is empty; expected a JSON object or list');
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`${this.#found()} after the end of the document`);
  }

  place(): { line: number; column: number } {
    return { line: this.#line, column: this.#at - this.#text.lastIndexOf('\n', this.#at - 1) };
  }

  #fail(message: string): never {
    throw new SyntaxError(message);
  }

  #found(): string {
    if (this.#at >= this.#text.length) return 'the file ends here';
    const point = this.#text.codePointAt(this.#at) ?? 0;
    if (this.#text.startsWith('//', this.#at) || this.#text.startsWith('/*', this.#at))
      return 'a comment begins here, and JSON has none';
    const mark = String.fromCodePoint(point);
    return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(mark)
      ? `found the character U+${point.toString(16).padStart(4, '0')}`
      : `found ${mark === '"' ? 'a quote' : `"${mark}"`}`;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      if (code === 0x0a) this.#line++;
      this.#at++;
    }
  }

  #value(): void {
    if (++this.#values > VALUES_MAX) this.#fail(`more than ${VALUES_MAX} values, which no config has`);
    if (this.#path.length > DEPTH_MAX) this.#fail(`nested deeper than ${DEPTH_MAX} levels`);
    switch (this.#text[this.#at]) {
      case '{':
        this.#object();
        return;
      case '[':
        this.#array();
        return;
      case '"':
        this.#string();
        return;
      default:
        this.#word();
    }
  }

  #object(): void {
    this.#at++;
    const keys = new Set<string>();
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail(`${this.#found()}; expected a key in double quotes`);
      const line = this.#line;
      const key = this.#string();
      this.#path.push(key);
      if (keys.has(key)) this.repeated.push({ path: [...this.#path], line });
      keys.add(key);
      this.#space();
      if (this.#text[this.#at] !== ':') this.#fail(`${this.#found()}; expected ":" behind the key`);
      this.#at++;
      this.#space();
      this.#value();
      this.#path.pop();
      if (this.#closes('}')) return;
    }
  }

  #array(): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.#space();
      this.#path.push(index);
      this.#value();
      this.#path.pop();
      if (this.#closes(']')) return;
    }
  }

  /** Behind a value: true at the closing mark, false behind a comma that something follows. */
  #closes(mark: '}' | ']'): boolean {
    this.#space();
    const next = this.#text[this.#at];
    if (next !== mark && next !== ',') this.#fail(`${this.#found()}; expected "," or "${mark}"`);
    this.#at++;
    if (next === mark) return true;
    this.#space();
    if (this.#text[this.#at] === mark) this.#fail(`a comma before "${mark}"; JSON has none behind the last`);
    return false;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) this.#fail('the file ends within a text; expected a closing quote');
      if (code < 0x20)
        this.#fail('a line break or control character within a text; expected a closing quote');
      if (code === 0x22) break;
      this.#at += code === 0x5c ? this.#escape() : 1;
    }
    this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #escape(): number {
    const pattern = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
    pattern.lastIndex = this.#at;
    const length = pattern.exec(this.#text)?.[0].length;
    return length ?? this.#fail('a backslash that begins no escape; write "\\\\" for a backslash');
  }

  #word(): void {
    const word = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    word.lastIndex = this.#at;
    const length = word.exec(this.#text)?.[0].length;
    if (length === undefined) this.#fail(`${this.#found()}; expected a value`);
    else this.#at += length;
  }
}
