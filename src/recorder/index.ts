/**
 * Puts it together: the run, its two threads, the session that reads a tape into rows, recovery, verification and
 * the closing balance.
 *
 * The ear (this thread) owns sockets and timers and parses nothing; the recorder (a worker) writes the journal first
 * and decodes behind it. What passes between them is listed in `messages.ts`.
 */
export { balanceDifferences, renderBalance } from './balance.ts';
export { CorpusReader } from './corpus.ts';
export { DataDirectoryError } from './data-directory.ts';
export type { ExchangeBalance, MarketStatus, RecoveredFile } from './messages.ts';
export { Recording, type RecordingOptions } from './recording.ts';
export { Session } from './session.ts';
export { gracefulShutdown, type StopReason, StopSignals } from './shutdown.ts';
export { type VerifyReport, verifyData } from './verify.ts';
export { type TapeCheck, TapeVerifier } from './verify-tape.ts';
