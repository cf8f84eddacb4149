/**
 * Numbers are not changed (DESIGN guarantee 8): decimal text goes to the nearest double, which is what the
 * platform's own conversion gives. Up to 15 significant digits the double prints back to the same decimal;
 * beyond that it may not, and such texts are counted.
 */
export class DecimalReader {
  /** Texts of more than 15 significant digits seen so far: the journal has them exactly, a double may not. */
  inexact = 0;

  /** The nearest double of a decimal text; NaN (null) of an empty text, of null and of undefined. Throws on anything else that is no decimal. */
  read(text: string | number | null | undefined): number {
    if (typeof text === 'number') return text;
    if (text === null || text === undefined || text === '') return Number.NaN;
    if (typeof text !== 'string') throw new TypeError(`expected a decimal, got ${typeof text}`);
    const value = Number(text);
    if (!Number.isFinite(value) || text.trim() !== text)
      throw new TypeError(`expected a decimal, got ${JSON.stringify(text.slice(0, 40))}`);
    if (text.length > 15 && significantDigits(text) > 15) this.inexact++;
    return value;
  }
}

/** Significant digits of a decimal text: leading zeros and trailing zeros behind the point do not count. */
export function significantDigits(text: string): number {
  const mantissa = text.replace(/[eE].*$/, '').replace(/^[+-]/, '');
  const point = mantissa.indexOf('.');
  const digits =
    point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1).replace(/0+$/, '');
  return digits.replace(/^0+/, '').length;
}
