export { type Code, f64, flow, i32, i64, type Local, memory, type Value, v128 } from './instructions.ts';
export { FunctionCode, instantiate, instantiateShared, type WasmFunction } from './module.ts';
