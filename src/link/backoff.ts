/** First and longest wait between two tries, ms. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Waits that double from half a second to thirty, with jitter, for ever; `reset` after a success. */
export class Backoff {
  #tries = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next wait in ms: between half and all of the present step. */
  next(): number {
    const step = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#tries);
    if (step < LONGEST_MS) this.#tries++;
    return step * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}
