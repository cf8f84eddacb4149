import { type DecimalReader, type Frame, parseJson } from '../record/index.ts';
import { ByteReader } from './byte-reader.ts';
import type { Shape } from './compile.ts';
import type { Drift } from './drift.ts';
import { Reading } from './reading.ts';
import { ReferenceReader } from './reference-reader.ts';

/** What a frame was found to be: of this shape, JSON of another shape, or no JSON at all. */
export type Verdict = 'read' | 'mismatch' | 'malformed';

/**
 * Reads frames of one shape: by bytes, and by the reference reader where that declines. A link has one for each shape,
 * since it holds the values of the message read last.
 */
export class ShapeReader {
  readonly reading: Reading;
  /** Frames the byte reader declined. */
  declined = 0;
  readonly #bytes: ByteReader;
  readonly #reference: ReferenceReader;

  constructor(shape: Shape, decimals: DecimalReader, drift: Drift) {
    this.reading = new Reading(shape);
    this.#bytes = new ByteReader(shape, this.reading, decimals, drift);
    this.#reference = new ReferenceReader(shape, this.reading, decimals, drift);
  }

  /** Why the last frame was a mismatch. */
  get problem(): string {
    return this.#reference.problem;
  }

  /** The last frame was a mismatch for a text that should be a decimal, and is none. */
  get isBadDecimal(): boolean {
    return this.#reference.isBadDecimal;
  }

  read(frame: Frame): Verdict {
    if (this.#bytes.read(frame.bytes, frame.start, frame.end)) return 'read';
    this.declined++;
    return this.readText(frame.text());
  }

  /**
   * Reads a part of a frame, `bytes[start..end)`, if that is a message as it comes as a rule. False where it is not: nothing is
   * noted, and whoever asked reads the frame as a whole.
   */
  readPart(bytes: Buffer, start: number, end: number): boolean {
    return this.#bytes.readAgain(bytes, start, end);
  }

  /** Reads text that is no frame's payload, like the body of an answer: by the reference reader. */
  readText(text: string): Verdict {
    const message = parseJson(text);
    if (message === null) return 'malformed';
    return this.readParsed(message) ? 'read' : 'mismatch';
  }

  /** Reads what JSON.parse made of a text, or a part of it, by the reference reader; false where it is a mismatch. */
  readParsed(message: unknown): boolean {
    return this.#reference.read(message);
  }
}
