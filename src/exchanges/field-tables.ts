import { fieldsOf } from '../shape/index.ts';
import type { Exchange } from './exchange.ts';

const BEGIN = '<!-- fields: made by `npm run fields` -->';
const END = '<!-- fields end -->';

/** The tables of an exchange's declared messages, as markdown; the same message in another envelope is left out. */
export function fieldTables({ shapes }: Exchange): string {
  const tables = shapes
    .filter(({ name }) => !name.endsWith(')'))
    .map((shape) => {
      const lines = fieldsOf(shape).map(
        ({ path, kind, meaning }) => `| \`${path}\` | ${kind} | ${meaning} |`,
      );
      return [`### ${shape.name}`, '', '| field | kind | meaning |', '| --- | --- | --- |', ...lines].join(
        '\n',
      );
    });
  return tables.join('\n\n');
}

/** An exchange's README with its tables made anew. @throws Error where it has no place for them. */
export function withFieldTables(readme: string, exchange: Exchange): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${exchange.name}/README.md lacks ${BEGIN} … ${END}`);
  return `${readme.slice(0, begin)}${BEGIN}\n\n${fieldTables(exchange)}\n\n${readme.slice(end)}`;
}
