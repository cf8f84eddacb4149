/** Makes the field tables of every exchange's README anew: `npm run fields`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withFieldTables } from './field-tables.ts';
import { EXCHANGES } from './index.ts';

for (const exchange of EXCHANGES) {
  const file = new URL(`./${exchange.name}/README.md`, import.meta.url);
  writeFileSync(file, withFieldTables(readFileSync(file, 'utf8'), exchange));
}
