import pino, { type Logger } from 'pino';
import type { LogLevel } from '../config/index.ts';
import { type LiveRow, LiveRows, LiveScreen, printable, renderTable } from '../monitor/index.ts';
import type { Recording } from '../recorder/index.ts';

/** How often the live table is drawn, ms. */
const DRAW_MS = 500;
/** How often a run without a terminal says how it goes, ms. */
const REPORT_MS = 10_000;
/** With no link open for this long, a person is told and pointed at the demo, ms. */
const OFFLINE_MS = 3000;

export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

/** Structured log lines on stderr. */
export function makeLogger(): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  // A closed log pipe is no reason to stop recording.
  destination.on('error', () => undefined);
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/**
 * Shows a run: on a terminal a live table per exchange and market, with warnings above it; elsewhere structured log
 * lines. Everything goes to stderr: stdout belongs to results.
 */
export class RecordingView {
  readonly log: Log;
  readonly #terminal = process.stderr.isTTY === true;
  readonly #screen = new LiveScreen((text) => process.stderr.write(text));
  readonly #logger: Logger;
  readonly #offlineHint: string | null;

  /** `offlineHint`: what to say when no exchange can be reached; null says nothing (simulated runs). */
  constructor(offlineHint: string | null, logger = makeLogger()) {
    this.#offlineHint = offlineHint;
    this.#logger = logger;
    this.log = (level, message, fields) => this.#log(level, message, fields);
  }

  /** The least serious line that is still written. */
  setLevel(level: LogLevel): void {
    this.#logger.level = level;
  }

  #log(level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void {
    if (!this.#terminal) this.#logger[level](fields, message);
    else if (level !== 'info' && this.#logger.isLevelEnabled(level))
      this.#screen.above(`${level}: ${message} ${JSON.stringify(fields)}`);
  }

  /** Begins showing; the function returned ends it. */
  show(recording: Recording): () => void {
    this.#reportRecovered(recording);
    const started = performance.now();
    const rows = new LiveRows(started);
    let told = false;
    const live = (): LiveRow[] => rows.rows(recording.links, recording.status, performance.now());
    const draw = (): void => this.#screen.draw(this.#frame(live(), recording, started));
    const watchOffline = (): void => {
      const { links, listingError } = recording;
      if (told || this.#offlineHint === null || performance.now() - started < OFFLINE_MS) return;
      if (links.some((link) => link.wasOpen)) return;
      told = true;
      const reason = links.find((link) => link.lastError !== '')?.lastError || listingError || 'no answer';
      this.#say(
        `no exchange can be reached (${printable(reason)}). Trying on for ever, Ctrl-C stops. ${this.#offlineHint}`,
      );
    };
    const report = (): void => {
      for (const line of live()) this.#log('info', 'recording', { ...line });
    };
    // The rates are those since the call before: one of the two asks for them, not both.
    const timers = [setInterval(watchOffline, 500)];
    timers.push(this.#terminal ? setInterval(draw, DRAW_MS) : setInterval(report, REPORT_MS));
    return () => {
      if (this.#terminal) draw();
      for (const timer of timers) clearInterval(timer);
    };
  }

  #say(text: string): void {
    if (this.#terminal) this.#screen.above(text);
    else this.#logger.warn(text);
  }

  #frame(live: readonly LiveRow[], recording: Recording, started: number): string[] {
    const seconds = Math.round((performance.now() - started) / 1000);
    // A terminal that does not know its size says 0.
    const width = process.stderr.columns || 120;
    const height = process.stderr.rows || 50;
    const waiting = recording.ear.paused ? '  (waiting for the recorder)' : '';
    // The cursor cannot go up beyond the screen: a table longer than that would be drawn again and again.
    return [
      `feedtape: recording for ${seconds} s, Ctrl-C stops${waiting}`.slice(0, width),
      ...renderTable(live, width),
    ].slice(0, Math.max(1, height - 1));
  }

  #reportRecovered(recording: Recording): void {
    for (const { file, blocks, frames, cutBytes, cutFile, damages, rows } of recording.recovered) {
      const cut = cutBytes > 0 ? `, cut ${cutBytes} bytes of an unfinished block (kept as ${cutFile})` : '';
      this.#say(`recovered ${file}: ${blocks} blocks, ${frames} frames, ${rows} rows made again${cut}`);
      for (const damage of damages) this.#say(`  damage: ${damage}`);
    }
  }
}
