import { writeFileSync } from 'node:fs';
import { configJsonSchemaText } from './json-schema.ts';

/** `npm run schema`: writes the published JSON Schema from the code's own. A test keeps the two equal. */
const file = new URL('../../schema/feedtape.schema.json', import.meta.url);
writeFileSync(file, configJsonSchemaText());
