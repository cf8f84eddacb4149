/** Text as an SQL literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Paths as an SQL list literal. */
export function quotedList(paths: readonly string[]): string {
  return `[${paths.map(quoted).join(', ')}]`;
}
