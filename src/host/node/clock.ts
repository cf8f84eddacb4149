import type { TapeClock } from '../host.ts';

/** Largest rate at which the tape's time is drawn towards the wall clock. */
const SLEW_PPM = 500;
/** A difference beyond this is no drift: the wall clock was set. */
const STEP_US = 1_000_000;

/** Where a clock takes its readings from: µs of wall time, µs of a monotonic counter. */
export interface ClockSource {
  wall(): number;
  monotonic(): number;
}

const systemSource: ClockSource = {
  wall: () => Date.now() * 1000,
  monotonic: () => performance.now() * 1000,
};

/**
 * Receive time: wall clock at start plus monotonic time, drawn towards the wall clock by at most 500 ppm, never
 * decreasing. A larger difference makes `adjust` return the offset (µs) once and set a new anchor.
 */
export class SlewedClock implements TapeClock {
  readonly #source: ClockSource;
  #anchorWall: number;
  #anchorMonotonic: number;
  #rate = 1;
  #last = 0;

  constructor(source: ClockSource = systemSource) {
    this.#source = source;
    this.#anchorWall = source.wall();
    this.#anchorMonotonic = source.monotonic();
  }

  now(): number {
    const time = Math.floor(this.#at(this.#source.monotonic()));
    if (time > this.#last) this.#last = time;
    return this.#last;
  }

  #at(monotonic: number): number {
    return this.#anchorWall + (monotonic - this.#anchorMonotonic) * this.#rate;
  }

  /**
   * Compares with the wall clock; call it about once a second.
   * @returns the offset in µs where the wall clock was set, else null.
   */
  adjust(): number | null {
    const monotonic = this.#source.monotonic();
    const present = this.#at(monotonic);
    const offset = this.#source.wall() - present;
    this.#anchorMonotonic = monotonic;
    if (Math.abs(offset) >= STEP_US) {
      this.#anchorWall = present + offset;
      this.#rate = 1;
      return Math.round(offset);
    }
    this.#anchorWall = present;
    // Drawn in over about ten seconds, within the limit.
    const ppm = Math.max(-SLEW_PPM, Math.min(SLEW_PPM, offset / 10));
    this.#rate = 1 + ppm / 1e6;
    return null;
  }
}
