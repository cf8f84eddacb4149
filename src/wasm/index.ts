export { type Code, f64, flow, i32, i64, type Local, type Value, v128 } from './instructions.ts';
export { FunctionCode, instantiate, type WasmFunction } from './module.ts';
