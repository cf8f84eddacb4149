import type { ExchangeBalance } from './messages.ts';

/** Every difference in a balance, in words; empty when all is zero. */
export function balanceDifferences(balance: readonly ExchangeBalance[]): string[] {
  const differences: string[] = [];
  for (const { exchange, received, journaled, outcomes, behind, rows } of balance) {
    if (received !== journaled)
      differences.push(`${exchange}: ${received} frames received, ${journaled} journaled`);
    const { rows: withRows, control, repeat, held, undecoded } = outcomes;
    const used = withRows + control + repeat + held + undecoded + behind;
    if (journaled !== used)
      differences.push(`${exchange}: ${journaled} frames journaled, ${used} accounted for`);
    for (const { table, made, stored } of rows)
      if (made !== stored) differences.push(`${exchange}: ${table}: ${made} rows made, ${stored} stored`);
  }
  return differences;
}

/** The closing balance as lines for a person. */
export function renderBalance(balance: readonly ExchangeBalance[]): string[] {
  const lines: string[] = [];
  for (const {
    exchange,
    received,
    journaled,
    outcomes,
    rows,
    checksums,
    decoderErrors,
    behind,
    inexactNumbers,
    drift,
    unfinished,
  } of balance) {
    const { rows: withRows, control, repeat, held, undecoded } = outcomes;
    lines.push(
      `${exchange}: frames received ${received} = journaled ${journaled} = with rows ${withRows} + control ${control} + repeats ${repeat} + held ${held} + undecoded ${undecoded}${behind > 0 ? ` + left to the next start ${behind}` : ''}`,
    );
    const tables = rows.filter(({ made, stored }) => made > 0 || stored > 0);
    lines.push(
      `  rows made = stored: ${tables.map(({ table, made, stored }) => `${table} ${made} = ${stored}`).join(', ') || 'none'}`,
    );
    if (checksums.matched + checksums.failed > 0)
      lines.push(`  checksums matched ${checksums.matched}, failed ${checksums.failed}`);
    if (decoderErrors > 0) lines.push(`  decoder errors ${decoderErrors}: see the undecoded table`);
    if (inexactNumbers > 0)
      lines.push(`  numbers that no double holds exactly ${inexactNumbers}: their text is in the journal`);
    for (const [path, count] of Object.entries(drift))
      lines.push(`  news: ${count} messages have a field that is not described here: ${path}`);
    for (const file of unfinished)
      lines.push(`  ${file}: store files will be made at the next start, from the journal`);
  }
  const differences = balanceDifferences(balance);
  lines.push(
    differences.length === 0 ? 'balance: zero difference' : `balance: ${differences.length} differences`,
  );
  for (const difference of differences) lines.push(`  ${difference}`);
  return lines;
}
