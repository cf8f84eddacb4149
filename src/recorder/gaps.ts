import type { Breach } from '../exchanges/index.ts';
import type { GapCause, Json, Rows } from '../record/index.ts';

interface OpenGap {
  readonly id: string;
  readonly from: number;
  readonly cause: GapCause;
  readonly detail: string;
  readonly fromSequence: number | null;
  readonly toSequence: number | null;
}

/**
 * Which streams are missing or doubtful now, and the `gap_events` rows that say so. At most one gap is open per
 * stream; a second cause while one is open changes nothing, since the stretch is marked already.
 */
export class GapTracker {
  readonly #rows: Rows;
  readonly #open = new Map<number, OpenGap>();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  isOpen(stream: number): boolean {
    return this.#open.has(stream);
  }

  /** The streams that are in a gap now. */
  streams(): Iterable<number> {
    return this.#open.keys();
  }

  get count(): number {
    return this.#open.size;
  }

  /** Opens a gap at the present frame; `from` is the last time the stream was surely whole, µs. */
  open(stream: number, from: number, breach: Breach): void {
    if (this.#open.has(stream)) return;
    const { link, frame } = this.#rows.position();
    const gap: OpenGap = {
      id: `${link}-${frame}`,
      from,
      cause: breach.cause,
      detail: breach.detail,
      fromSequence: breach.fromSequence ?? null,
      toSequence: breach.toSequence ?? null,
    };
    this.#open.set(stream, gap);
    this.#write(stream, gap, 'opened', null);
  }

  /** Closes the stream's gap at `to` (µs), if one is open. */
  close(stream: number, to: number): void {
    const gap = this.#open.get(stream);
    if (gap === undefined) return;
    this.#open.delete(stream);
    this.#write(stream, gap, 'closed', to);
  }

  #write(stream: number, gap: OpenGap, event: 'opened' | 'closed', to: number | null): void {
    this.#rows.gap({ stream, event, to, ...gap });
  }

  state(): Json {
    return [...this.#open].map(([stream, gap]) => [stream, { ...gap }]);
  }

  restore(state: Json): void {
    for (const [stream, gap] of state as unknown as [number, OpenGap][]) this.#open.set(stream, gap);
  }
}
