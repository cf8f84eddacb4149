/**
 * Simulated exchanges (DESIGN section 8): one HTTP and WebSocket server on the loopback address. Each market is below
 * `/<exchange>/<market>` and then as on the exchange itself; with `from` it replays a capture instead, each recorded
 * connection at its own path.
 *
 * It guarantees: the same seed gives the same markets; a book never crosses and always has 1200 levels a side; every
 * frame handed to a socket is in the ledger, in order; each upgrade answer names its connection in the header
 * `x-feedtape-conn`; memory is bounded however slowly a client reads. What the exchanges say and understand is left
 * to each one's dialect (`src/exchanges/<name>/simulate.ts`).
 *
 * The ledger is NDJSON, in the corpus form with some fields more:
 *
 *     {"t":"open","ts":<s>,"conn":<n>,"exchange":"binance","market":"spot","url":"ws://..."}
 *     {"t":"recv","ts":<s>,"conn":<n>,"data":"<text before gzip>","own":true}    + "fault":"malformed"
 *     {"t":"http","ts":<s>,"url":"http://...","status":200,"data":"<body>","own":true}
 *     {"t":"close","ts":<s>,"conn":<n>,"code":1001,"reason":"...","by":"client|simulator|network","frames":<n>}
 *
 * `own` is false of what a replay sends as recorded. `worker.ts` is the same in a thread of its own: options as
 * `workerData`; it says `{kind: 'ready', port}` (or `failed`, `note`, `stopped`) and is told `{kind: 'stop'}`.
 */
export { CaptureError } from './capture.ts';
export { FAULT_NAMES, type Fault, FaultError, parseFaults } from './faults.ts';
export { MarketModel } from './model.ts';
export type { SimulateOptions, Simulator, SimulatorCounts, SimulatorHost } from './options.ts';
export { RATE_DEFAULT } from './publisher.ts';
export { SimulateOptionsError } from './run.ts';
export { type SymbolSpecification, specifySymbols } from './specification.ts';
export { startReplay, startSimulator } from './start.ts';
