/**
 * The outside world as small interfaces. The real ones are in `node/`; tests pass virtual ones, so that no test
 * sleeps and every fault can be made.
 */

/** Receive time: µs since the epoch, never decreasing within a run (DESIGN section 4). */
export interface TapeClock {
  now(): number;
}

/** One-shot timers in ms. `set` returns a handle for `clear`. */
export interface Timers {
  set(ms: number, run: () => void): TimerHandle;
  clear(handle: TimerHandle): void;
}

export type TimerHandle = { readonly timer: unknown };

/** A file being written: bytes go to its end, in the order of the calls. */
export interface DiskFile {
  /** Resolves when all bytes were accepted by the system (not yet durable). */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when everything appended before the call is durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What the journal needs of a disk. Paths are absolute. Every method rejects with the system's error. */
export interface Disk {
  /** Creates a file that must not exist yet, and makes its name durable. Parent directories are made. */
  create(path: string): Promise<DiskFile>;
  /** Opens a file to write on behind its end. */
  openToAppend(path: string): Promise<DiskFile>;
  read(path: string): Promise<Buffer>;
  /** The bytes from `start` on, at most `length`; fewer where the file ends before. */
  readPart(path: string, start: number, length: number): Promise<Buffer>;
  /** Writes a whole file so that it is there entirely or not at all: temporary name, sync, rename, sync of the directory. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** Puts a file in the place of another, durably: whatever happens, `to` is the old file or the new one. */
  rename(from: string, to: string): Promise<void>;
  /** Cuts a file to `size` bytes, durably. */
  truncate(path: string, size: number): Promise<void>;
  /** Names in a directory, sorted; empty where there is none. */
  list(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
}

/** What a socket tells its link. */
export interface SocketEvents {
  opened(headers: Readonly<Record<string, string>>): void;
  /**
   * `count` messages of one kind, valid only during the call: the n-th is `bytes[spans[2 * n]..spans[2 * n + 1])`. `time`:
   * when the network was read last before them (µs), the same for all messages of one read.
   */
  messages(bytes: Buffer, spans: Uint32Array, count: number, binary: boolean, time: number): void;
  /** Exactly once, whatever happened; `error` where there was one. */
  closed(code: number, reason: string, error: Error | null): void;
}

export interface Socket {
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Ends it at once, without a closing handshake. */
  terminate(): void;
  /** Stops reading from the network; what was read already is still delivered. */
  pause(): void;
  resume(): void;
  /** Bytes received so far, to tell a dead line from a quiet one. */
  readonly bytesReceived: number;
}

/** Opens WebSocket connections. */
export interface Dialer {
  dial(url: string, events: SocketEvents): Socket;
}

/** Asks REST endpoints. Resolves with status 0 and the reason as body where no answer came. */
export interface Http {
  get(
    url: string,
  ): Promise<{ readonly status: number; readonly body: string; readonly retryAfterMs: number | null }>;
}
