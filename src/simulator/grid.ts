/**
 * A grid of decimals: whole numbers of a step such as `0.01`, `0.5` or `1`, written with the step's digits. All
 * arithmetic of the model is on the whole numbers, so no text ever shows a rounding error.
 */
export class Grid {
  readonly digits: number;
  /** The step in units of the last digit: 5 of `0.05`. */
  readonly #units: number;

  /** @throws RangeError on a step that is no positive decimal. */
  constructor(step: string) {
    if (!/^\d+(\.\d+)?$/.test(step) || !(Number(step) > 0))
      throw new RangeError(`a step must be a positive decimal such as 0.01, got ${JSON.stringify(step)}`);
    this.digits = step.split('.')[1]?.length ?? 0;
    this.#units = Number(step.replace('.', ''));
  }

  /** The decimal text of `count` steps. */
  text(count: number): string {
    const { digits } = this;
    let text = String(count * this.#units);
    if (digits === 0) return text;
    if (text.length <= digits) text = text.padStart(digits + 1, '0');
    return `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  }

  /** The nearest double of `count` steps. */
  value(count: number): number {
    return (count * this.#units) / 10 ** this.digits;
  }

  /** The whole number of steps nearest to a value. */
  count(value: number): number {
    return Math.round((value * 10 ** this.digits) / this.#units);
  }
}
