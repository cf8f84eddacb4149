import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EXCHANGES } from '../src/exchanges/index.ts';
import type { RowObject } from '../src/record/index.ts';
import { CorpusReader } from '../src/recorder/corpus.ts';

/**
 * Every exchange's fixtures, found by name: `fixtures/<case>.jsonl` in the corpus form, and beside it
 * `<case>.rows.jsonl`, the rows expected, in order. An expected row may leave columns out; what it names must match.
 */
for (const exchange of EXCHANGES) {
  const folder = new URL(`../src/exchanges/${exchange.name}/fixtures/`, import.meta.url);
  const cases = readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl') && !file.endsWith('.rows.jsonl'))
    .map((file) => file.slice(0, -'.jsonl'.length));

  test(`${exchange.name} has fixtures`, () => assert.ok(cases.length > 0));

  for (const name of cases) {
    test(`${exchange.name} ${name}: the rows are those expected`, () => {
      const expectedFile = new URL(`${name}.rows.jsonl`, folder);
      assert.ok(existsSync(expectedFile), `${name}.rows.jsonl is missing`);
      const expected = lines(expectedFile).map((line) => JSON.parse(line) as RowObject);
      const got: RowObject[] = [];
      const reader = new CorpusReader((row) => got.push(row));
      for (const line of lines(new URL(`${name}.jsonl`, folder))) reader.captureLine(line);
      for (const [index, row] of expected.entries()) {
        const actual = got[index];
        const shown = Object.fromEntries(Object.keys(row).map((key) => [key, actual?.[key]]));
        assert.deepEqual(shown, row, `row ${index + 1}; got ${JSON.stringify(actual)}`);
      }
      assert.equal(
        got.length,
        expected.length,
        `more rows than expected: ${JSON.stringify(got[expected.length])}`,
      );
      for (const session of reader.sessions)
        assert.equal(session.decoderErrors, 0, String(session.lastError));
    });
  }
}

function lines(file: URL): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
