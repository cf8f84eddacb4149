/** Longest text that is compared at all: nobody mistypes a longer name, and the work grows with its square. */
const COMPARED_LENGTH_MAX = 48;

/**
 * The known name that a mistyped one most likely means, or undefined where none is near: at most one edit in three
 * characters, upper and lower case alike. The first of equally near names wins.
 */
export function nearestName(given: string, known: Iterable<string>): string | undefined {
  if (given.length > COMPARED_LENGTH_MAX) return undefined;
  const typed = given.toLowerCase();
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const name of known) {
    const length = Math.max(typed.length, name.length);
    if (name === given) continue;
    const edits = editDistance(typed, name.toLowerCase());
    if (edits <= Math.max(1, Math.floor(length / 3)) && edits < length && edits < least) {
      nearest = name;
      least = edits;
    }
  }
  return nearest;
}

/**
 * Edits from one text to another: insert, delete, replace a character, or swap two neighbours (Damerau-Levenshtein,
 * each stretch edited at most once).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + cost,
      );
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      next.push(edits);
    }
    beforeLast = last;
    last = next;
  }
  return last[b.length] ?? 0;
}
