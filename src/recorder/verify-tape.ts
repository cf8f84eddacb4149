import { type Damage, scanTape, type TapeSummary } from '../journal/index.ts';
import { type Frame, isObject, parseJson } from '../record/index.ts';

/** Lines out of order that are named one by one, per file; the rest are counted. */
const ORDER_FAULTS_MAX = 20;

/** What the bytes of one journal file say of themselves. */
export interface TapeCheck {
  readonly isSealed: boolean;
  readonly blocks: number;
  readonly frames: number;
  readonly faults: string[];
  readonly notes: string[];
}

/**
 * Checks the journal files of one exchange, oldest first: every block's checksums, each seal, and the order of lines.
 * A link's ordinals count on from file to file, so a file that was taken out shows as well.
 */
export class TapeVerifier {
  /** By link, the last ordinal seen. */
  readonly #ordinals = new Map<number, number>();
  /** By link, the ordinal of the last seal that a repair wrote. */
  readonly #repairs = new Map<number, number>();
  /** What came before is known to its end: a link that is new must begin with its first line. */
  #isContinued = false;

  /**
   * @param title names the file in the sentences.
   * @param isFinished the store says this file was sealed.
   */
  check(title: string, bytes: Buffer, isFinished: boolean): TapeCheck {
    const faults: string[] = [];
    const notes: string[] = [];
    const orderFaults = this.#checkOrder(bytes);
    const { summary } = orderFaults;
    const isSealed = summary.seal !== null;
    const tail = isSealed || isFinished ? null : tornTail(summary);
    for (const damage of summary.damages) {
      const { ordinal, reason, detail, offset } = damage;
      if (damage === tail)
        notes.push(
          `${title}: its last block is not whole: it is being written, or the next start will cut it`,
        );
      else faults.push(`${title}: block ${ordinal} is damaged (${reason}, at byte ${offset}): ${detail}`);
    }
    for (const fault of [...summary.sealFaults, ...orderFaults.faults]) faults.push(`${title}: ${fault}`);
    if (orderFaults.more > 0) faults.push(`${title}: ${orderFaults.more} more lines are out of order`);
    if (!isSealed && isFinished)
      faults.push(`${title}: its seal is gone, the store was made from a sealed file`);
    else if (!isSealed && faults.length === 0)
      notes.push(`${title}: not sealed: it is being recorded, or the next start will seal it`);
    // Behind a file that failed on the disk, the next one may hold its last blocks again.
    this.#isContinued = isSealed;
    if (!isSealed) this.#ordinals.clear();
    return { isSealed, blocks: summary.blocks, frames: summary.frames, faults, notes };
  }

  #checkOrder(bytes: Buffer): { summary: TapeSummary; faults: string[]; more: number } {
    const faults: string[] = [];
    let more = 0;
    let lastTime = 0;
    const fault = (text: string): void => {
      if (faults.length < ORDER_FAULTS_MAX) faults.push(text);
      else more++;
    };
    const summary = scanTape(bytes, (frame) => {
      const { time, link, ordinal } = frame;
      if (time < lastTime) fault(`time goes back at link ${link} frame ${ordinal}`);
      lastTime = time;
      if (isRepairSeal(frame)) {
        this.#repairs.set(link, ordinal);
        return;
      }
      const before = this.#ordinals.get(link);
      this.#ordinals.set(link, ordinal);
      if (before === undefined && this.#isContinued && ordinal !== 1)
        fault(`link ${link} begins with frame ${ordinal}`);
      // A seal that the disk refused had a number too; the one that the repair wrote in its place has it.
      if (before !== undefined && ordinal !== before + 1 && ordinal - 1 !== this.#repairs.get(link))
        fault(`link ${link} goes from frame ${before} to ${ordinal}`);
    });
    return { summary, faults, more };
  }
}

/** The damage at the end of a file that a write in progress or a kill leaves: a block that is there in part. */
function tornTail({ damages }: TapeSummary): Damage | null {
  const last = damages.at(-1);
  return last?.reason === 'torn' && last.blocks === null ? last : null;
}

/**
 * True of the line that a repair sealed a file with: its ordinal was given at a later start, and after a disk fault
 * the next file may hold the same one.
 */
function isRepairSeal(frame: Frame): boolean {
  if (frame.kind !== 'event' || !frame.text().startsWith('{"event":"sealed"')) return false;
  const event = parseJson(frame.text());
  return isObject(event) && event.repaired === true;
}
