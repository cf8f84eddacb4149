/** One thing that is wrong with a config. */
export interface ConfigProblem {
  /** Where: `exchanges[0].streams[1].channels[0]`; empty where it is the file as a whole. */
  readonly path: string;
  /** What was found and what was expected. */
  readonly message: string;
  /** The nearest known name, where there is one. */
  readonly hint?: string;
}

/** Keys and indexes from the root of the document. */
export type Path = readonly (string | number)[];

/** Problems printed in a message; all of them are in `ConfigError.problems`. */
const PRINTED_MAX = 100;

/** A config that cannot be used. Its message lists the problems for a person; nothing was connected. */
export class ConfigError extends Error {
  readonly code = 'bad-config';
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(describe(file, problems), options);
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }

  override toString(): string {
    return this.message;
  }
}

function describe(file: string, problems: readonly ConfigProblem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = [`${printable(file)}: ${count} in this config`];
  for (const { path, message, hint } of problems.slice(0, PRINTED_MAX)) {
    lines.push(path === '' ? `  ${message}` : `  ${path}: ${message}`);
    if (hint !== undefined) lines.push(`    did you mean ${shown(hint)}?`);
  }
  if (problems.length > PRINTED_MAX) lines.push(`  and ${problems.length - PRINTED_MAX} more`);
  return lines.join('\n');
}

/** Collects problems, so that a person sees all of them at once. */
export class Problems {
  readonly all: ConfigProblem[] = [];

  add(path: Path, message: string, hint?: string): void {
    const problem = { path: pathText(path), message };
    this.all.push(hint === undefined ? problem : { ...problem, hint });
  }
}

/** A path as a person reads it: `exchanges[0].uri`; keys that are no plain words are quoted. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(step)) text += `[${shown(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

const SHOWN_LENGTH = 60;

/** A value as it is shown in a message: short, and safe to print on a terminal. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value.slice(0, SHOWN_LENGTH + 1) : value;
  const written = printable(JSON.stringify(text));
  return typeof text === 'string' && text.length > SHOWN_LENGTH
    ? `${written.slice(0, SHOWN_LENGTH)}…"`
    : written;
}

/** Replaces what a terminal would obey or reorder: control characters and marks of writing direction. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => {
    const code = mark.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Names listed in a message; a person who needs more asks `validate` or the docs. */
const NAMES_MAX = 10;

/** `a, b or c`. */
export function oneOf(names: Iterable<string>): string {
  const all = [...names];
  if (all.length > NAMES_MAX)
    return `${all.slice(0, NAMES_MAX).join(', ')} or one of ${all.length - NAMES_MAX} more`;
  const last = all.pop() ?? 'nothing';
  return all.length === 0 ? last : `${all.join(', ')} or ${last}`;
}
