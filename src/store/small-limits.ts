import type { RowLimits } from './table-rows.ts';

/** So small that a few hundred rows meet everything that months of a thousand streams would. */
export const SMALL_LIMITS: RowLimits = {
  groupRows: 40,
  textBytes: 900,
  lookRows: 32,
  openBytes: 6000,
  earlyRows: 12,
  earlyBytes: 1500,
  waitingBytes: 20_000,
};
