/** How the simulator runs: the flags of `feedtape simulate`, one to one. Plain data, so that it can go to a thread. */
export interface SimulateOptions {
  /** `--port`: 0 takes any free one. */
  readonly port: number;
  /** `--seed`: the same seed gives the same markets. Default 1. */
  readonly seed?: number | undefined;
  /** `--rate`: data messages a second, over all connections together. Default 300. */
  readonly rate?: number | undefined;
  /** `--for`, ms: it stops by itself after this time. */
  readonly for?: number | undefined;
  /** `--faults`: a list as `parseFaults` reads it. */
  readonly faults?: string | undefined;
  /** `--ledger`: a file for a line about each frame sent. */
  readonly ledger?: string | undefined;
  /** `--from`: replays this capture (corpus form) in place of simulated markets. */
  readonly from?: string | undefined;
  /** `--fast`: replays as fast as the clients read. */
  readonly fast?: boolean | undefined;
  /** `--config`: writes the config that repeats the capture. */
  readonly config?: string | undefined;
}

/** What was done, for the closing lines of a command and for tests. */
export interface SimulatorCounts {
  /** Connections opened. */
  readonly connections: number;
  /** Dials refused with 404. */
  readonly refused: number;
  /** Frames handed to sockets. */
  readonly frames: number;
  /** Frames that came from the recording (0 without one). */
  readonly replayed: number;
  /** REST requests answered. */
  readonly requests: number;
  /** Data messages published. */
  readonly published: number;
  /** Data messages that the rate asked for and that were not made because the process could not keep up. */
  readonly notKeptUp: number;
  /** Times a session was passed over because its client did not read. */
  readonly backpressure: number;
  /** Connections ended by the fault `disconnect`. */
  readonly disconnects: number;
  /** Broken frames sent by the fault `malformed`. */
  readonly malformed: number;
  /** Exceptions in a dialect. */
  readonly errors: number;
}

/** A simulator that runs. */
export interface Simulator {
  readonly port: number;
  /** Closes all connections with 1001; resolves when they are closed and the ledger is on disk. */
  stop(): Promise<SimulatorCounts>;
  /** Resolves when it has stopped, by `stop` or by `for`; rejects where the ledger could not be written. */
  readonly stopped: Promise<SimulatorCounts>;
}

/** What it is given besides its options. */
export interface SimulatorHost {
  /** Something a person should know; for the log. */
  note(text: string): void;
}
