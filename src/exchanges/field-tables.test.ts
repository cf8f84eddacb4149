import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withFieldTables } from './field-tables.ts';
import { EXCHANGES } from './index.ts';

for (const exchange of EXCHANGES)
  test(`${exchange.name}: the README lists the fields that are declared; if not: npm run fields`, () => {
    const readme = readFileSync(new URL(`./${exchange.name}/README.md`, import.meta.url), 'utf8');
    assert.equal(readme, withFieldTables(readme, exchange));
  });
