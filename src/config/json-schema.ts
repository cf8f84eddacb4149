import { z } from 'zod';
import { EXCHANGES, type Exchange } from '../exchanges/index.ts';
import { exchangeSchema, fileSchema } from './schema.ts';

/** The published JSON Schema (draft 7, which editors know best), with the exchanges' names for completion. */
export function configJsonSchema(exchanges: readonly Exchange[] = EXCHANGES): object {
  const names = exchanges.map((exchange) => exchange.name);
  const markets = [...new Set(exchanges.flatMap((exchange) => Object.keys(exchange.markets)))];
  const completed = z.array(
    exchangeSchema
      .extend({
        exchange: withExamples(exchangeSchema.shape.exchange, names),
        market: withExamples(exchangeSchema.shape.market, markets),
      })
      .meta({ id: 'exchange', description: exchangeSchema.description ?? '' }),
  );
  const file = fileSchema
    .extend({
      exchanges: completed.min(1).meta({ description: fileSchema.shape.exchanges.description ?? '' }),
    })
    .meta({ description: 'A full config.' });
  const bare = completed
    .min(1)
    .meta({ description: 'The exchanges alone; everything else has its default.' });
  const schema = z.union([file, bare]).meta({ title: 'Feedtape config' });
  return z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
}

function withExamples(schema: z.ZodOptional<z.ZodString>, examples: readonly string[]) {
  const description = schema.unwrap().description ?? '';
  return schema.meta({ description, examples: [...examples] });
}

/** The schema file's text: what `npm run schema` writes and a test compares. */
export function configJsonSchemaText(exchanges: readonly Exchange[] = EXCHANGES): string {
  return `${JSON.stringify(configJsonSchema(exchanges), null, 2)}\n`;
}
