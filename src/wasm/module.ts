import { type Code, Local, leb, type ValueType } from './instructions.ts';

const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b };
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const SECTION = { type: 1, function: 3, memory: 5, export: 7, code: 10 };
const FUNCTION_TYPE = 0x60;
/** What is said of a memory: it has a largest size, and it may be shared. */
const LIMITS = { own: 1, shared: 3 };
const EXPORTED = { function: 0, memory: 2 };
/** Bytes of a page of memory. */
const PAGE_BYTES = 65_536;

/** What we need of it: Node's types leave WebAssembly to those of browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** A function being written: its parameters are numbers of 32 bits, and so is its result. */
export class FunctionCode {
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];
  #body: Code = [];

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  parameter(index: number): Local<'i32'> {
    return new Local('i32', index);
  }

  local<T extends ValueType>(type: T): Local<T> {
    return new Local(type, this.#parameters + this.#locals.push(type) - 1);
  }

  body(...code: Code): this {
    this.#body = code;
    return this;
  }

  type(): Code {
    return [FUNCTION_TYPE, list(Array(this.#parameters).fill([TYPES.i32])), list([[TYPES.i32]])];
  }

  code(): Code {
    const locals = this.#locals.map((type) => [1, TYPES[type]]);
    return sized([list(locals), this.#body, 0x0b]);
  }
}

/** A function of a module: numbers of 32 bits. */
export type WasmFunction = (...parameters: readonly number[]) => number;

/** Functions by their names, and the memory they see. */
type Instance<N extends string, M> = { readonly memory: M } & Readonly<Record<N, WasmFunction>>;

/**
 * Makes functions, with a memory of their own of so many bytes at least.
 * @throws WebAssembly.CompileError where they are no valid code
 */
export function instantiate<N extends string>(
  functions: Readonly<Record<N, FunctionCode>>,
  memoryBytes: number,
): Instance<N, ArrayBuffer> {
  return make(functions, memoryBytes, LIMITS.own);
}

/** The same with a memory that other threads may be given. */
export function instantiateShared<N extends string>(
  functions: Readonly<Record<N, FunctionCode>>,
  memoryBytes: number,
): Instance<N, SharedArrayBuffer> {
  return make(functions, memoryBytes, LIMITS.shared);
}

function make<N extends string, M>(
  functions: Readonly<Record<N, FunctionCode>>,
  memoryBytes: number,
  limits: number,
): Instance<N, M> {
  const codes = Object.values<FunctionCode>(functions);
  const pages = Math.ceil(memoryBytes / PAGE_BYTES);
  const exported = Object.keys(functions).map((name, index) => [text(name), EXPORTED.function, leb(index)]);
  const bytes = flat([
    MAGIC_AND_VERSION,
    section(SECTION.type, list(codes.map((code) => code.type()))),
    section(SECTION.function, list(codes.map((_, index) => leb(index)))),
    section(SECTION.memory, list([[limits, leb(pages), leb(pages)]])),
    section(SECTION.export, list([...exported, [text('memory'), EXPORTED.memory, 0]])),
    section(SECTION.code, list(codes.map((code) => code.code()))),
  ]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(bytes)));
  const { memory, ...rest } = exports;
  return {
    ...(rest as Record<N, WasmFunction>),
    memory: (memory as { readonly buffer: M }).buffer,
  };
}

function flat(code: Code): number[] {
  return code.flat(Number.POSITIVE_INFINITY as 1) as number[];
}

function sized(code: Code): Code {
  const bytes = flat(code);
  return [leb(bytes.length), bytes];
}

function list(items: readonly Code[]): Code {
  return [leb(items.length), ...items];
}

function section(id: number, content: Code): Code {
  return [id, sized(content)];
}

function text(name: string): Code {
  return sized([...Buffer.from(name)]);
}
