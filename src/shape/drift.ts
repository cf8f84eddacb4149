/** Paths kept at most: an exchange that makes up keys without end must not fill memory. */
const PATHS_MAX = 200;
const OTHERS = '(others)';

/**
 * What messages hold that their shapes do not declare, counted by message and path: an exchange that adds a field is
 * news. Counts are a function of the frames read.
 */
export class Drift {
  readonly counts = new Map<string, number>();

  /** The paths of one message, each counted once. */
  note(message: string, paths: readonly string[]): void {
    for (const path of new Set(paths)) {
      const key = `${message} ${path}`;
      const name = this.counts.has(key) || this.counts.size < PATHS_MAX ? key : OTHERS;
      this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    }
  }
}
