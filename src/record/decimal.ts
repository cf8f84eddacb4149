/**
 * Numbers are not changed (DESIGN guarantee 8): decimal text goes to the nearest double, which is what the
 * platform's own conversion gives. Up to 15 significant digits the double prints back to the same decimal;
 * beyond that it may not, and texts of which it does not are counted.
 */
export class DecimalReader {
  /** Texts seen so far whose double prints as another decimal: the journal has them exactly, a row has not. */
  inexact = 0;

  /** The nearest double of a decimal text; NaN (null) of an empty text, of null and of undefined. Throws on anything else that is no decimal. */
  read(text: string | number | null | undefined): number {
    if (typeof text === 'number') return text;
    if (text === null || text === undefined || text === '') return Number.NaN;
    if (typeof text !== 'string') throw new TypeError(`expected a decimal, got ${typeof text}`);
    const value = this.readOrNull(text);
    if (value === null) throw new TypeError(`expected a decimal, got ${JSON.stringify(text.slice(0, 40))}`);
    return value;
  }

  /** The nearest double of a decimal text; null where the text is none. */
  readOrNull(text: string): number | null {
    const value = Number(text);
    if (text === '' || !Number.isFinite(value) || text.trim() !== text) return null;
    if (text.length > 15 && !printsBack(text, value)) this.inexact++;
    return value;
  }
}

/** Whether a double prints as the decimal it was read from; zeros around the digits do not count. */
function printsBack(text: string, value: number): boolean {
  return significantDigits(text) <= 15 || normalForm(text) === normalForm(String(value));
}

/** Significant digits of a decimal text: leading zeros and trailing zeros behind the point do not count. */
export function significantDigits(text: string): number {
  const mantissa = text.replace(/[eE].*$/, '').replace(/^[+-]/, '');
  const point = mantissa.indexOf('.');
  const digits =
    point < 0 ? mantissa : mantissa.slice(0, point) + mantissa.slice(point + 1).replace(/0+$/, '');
  return digits.replace(/^0+/, '').length;
}

/** A decimal with one digit before the point and no zeros around: the same for every spelling of a number. */
function normalForm(text: string): string {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  const first = digits.search(/[1-9]/);
  if (first < 0) return '0';
  const power = Number(exponent) + whole.length - first - 1;
  return `${sign === '-' ? '-' : ''}${digits.slice(first).replace(/0+$/, '')}e${power}`;
}
