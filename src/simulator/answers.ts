import type { RecordedAnswer } from './capture.ts';

/** Query parameters that say what is asked about; the others (limits, depths) only how much of it. */
const SUBJECT_PARAMETERS = ['symbol', 'market', 'category', 'pair', 'instId'];

/**
 * Recorded REST answers, found by path and symbol in whatever order they are asked for. Where the capture has several
 * to the same question they are given in turn, and the last of them from then on.
 */
export class RecordedAnswers {
  readonly #answers: readonly RecordedAnswer[];
  readonly #given = new Map<string, number>();

  constructor(answers: readonly RecordedAnswer[]) {
    this.#answers = answers;
  }

  /** The answer to this path and query; null where nothing like it was recorded. */
  find(target: string): RecordedAnswer | null {
    const asked = URL.parse(`http://localhost${target}`);
    if (asked === null) return null;
    const here = this.#answers.filter(({ url }) => url.pathname === asked.pathname);
    const exact = here.filter(({ url }) => wholeQuery(url) === wholeQuery(asked));
    const fitting = exact.length > 0 ? exact : here.filter(({ url }) => subject(url) === subject(asked));
    if (fitting.length === 0) return null;
    const key = `${asked.pathname} ${exact.length > 0 ? wholeQuery(asked) : subject(asked)}`;
    const turn = this.#given.get(key) ?? 0;
    if (turn < fitting.length - 1) this.#given.set(key, turn + 1);
    return fitting[turn] ?? null;
  }
}

function wholeQuery(url: URL): string {
  return JSON.stringify([...url.searchParams].sort());
}

function subject(url: URL): string {
  return JSON.stringify(SUBJECT_PARAMETERS.map((name) => url.searchParams.get(name)));
}
