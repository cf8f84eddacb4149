import type { Disk, DiskFile } from '../host/index.ts';

/*
 * A disk in memory for tests. What can go wrong on it:
 *
 * - An operation fails when `failing` says so. A failed append leaves any part of its bytes in the file. After a
 *   failed fsync the bytes that were not durable never become so, though later fsyncs return well.
 * - Power is lost (`powerLoss`) at any moment, also in the middle of operations. Of bytes that were not durable any
 *   part survives: a shorter end, pages of zeros, pages of older bytes. What an fsync or a returned create, replace
 *   or truncate promised is there.
 * - With `isManual`, operations wait until `step` lets one of them happen, in any order that the contract of `Disk`
 *   allows (those on one file that were begun one after the other are not reordered by the journal itself).
 */

export type Act =
  | 'create'
  | 'append'
  | 'sync'
  | 'close'
  | 'replace'
  | 'truncate'
  | 'rename'
  | 'remove'
  | 'open';

/** A disk that was asked so often answers no more, so that an endless retry is a test that fails and no hang. */
const OPERATIONS_MAX = 20_000;

interface Content {
  bytes: Buffer;
  durable: number;
  isPoisoned: boolean;
}

interface Waiting {
  readonly act: Act;
  readonly path: string;
  /** Lets it happen. */
  readonly run: () => void;
  /** What is left of it when power is lost before it happened. */
  readonly interrupted: (random: () => number) => void;
}

export class CrashDisk implements Disk {
  readonly files = new Map<string, Content>();
  readonly waiting: Waiting[] = [];
  /** Every operation that was begun, in order. */
  readonly log: string[] = [];
  isManual = false;
  failing: (act: Act, path: string) => boolean = () => false;
  random: () => number = () => 0.5;

  #run<T>(
    act: Act,
    path: string,
    effect: () => T,
    failed: () => void = () => undefined,
    interrupted: (random: () => number) => void = () => undefined,
  ): Promise<T> {
    this.log.push(`${act} ${path}`);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = (): void => {
      if (this.failing(act, path)) {
        failed();
        reject(Object.assign(new Error(`EIO: ${act} ${path}`), { code: 'EIO' }));
        return;
      }
      try {
        resolve(effect());
      } catch (error) {
        reject(error);
      }
    };
    if (this.isManual) this.waiting.push({ act, path, run, interrupted });
    else if (this.log.length < OPERATIONS_MAX) queueMicrotask(run);
    return promise;
  }

  /** Lets the operation at `index` happen, and everything that follows from it up to the next operations. */
  async step(index = 0): Promise<boolean> {
    const [waiting] = this.waiting.splice(index % Math.max(1, this.waiting.length), 1);
    waiting?.run();
    await turn();
    return waiting !== undefined;
  }

  #content(path: string): Content {
    const content = this.files.get(path);
    if (content === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return content;
  }

  #file(path: string, content: Content): DiskFile {
    const add = (bytes: Buffer): void => {
      content.bytes = Buffer.concat([content.bytes, bytes]);
    };
    return {
      append: (given) => {
        const part = (random: () => number): void =>
          add(Buffer.from(given.subarray(0, Math.floor(random() * (given.length + 1)))));
        return this.#run(
          'append',
          path,
          () => add(Buffer.from(given)),
          () => part(this.random),
          part,
        );
      },
      sync: () => {
        const covered = content.bytes.length;
        return this.#run(
          'sync',
          path,
          () => {
            if (!content.isPoisoned) content.durable = Math.max(content.durable, covered);
          },
          () => {
            content.isPoisoned = true;
          },
          (random) => {
            if (random() < 0.5 && !content.isPoisoned) content.durable = Math.max(content.durable, covered);
          },
        );
      },
      close: () => this.#run('close', path, () => undefined),
    };
  }

  #createNow(path: string): Content {
    if (this.files.has(path)) throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' });
    const content = { bytes: Buffer.alloc(0), durable: 0, isPoisoned: false };
    this.files.set(path, content);
    return content;
  }

  create(path: string): Promise<DiskFile> {
    const interrupted = (random: () => number): void => {
      if (random() < 0.5 && !this.files.has(path)) this.#createNow(path);
    };
    return this.#run('create', path, () => this.#file(path, this.#createNow(path)), undefined, interrupted);
  }

  openToAppend(path: string): Promise<DiskFile> {
    return this.#run('open', path, () => this.#file(path, this.#content(path)));
  }

  async read(path: string): Promise<Buffer> {
    return Buffer.from(this.#content(path).bytes);
  }

  async readPart(path: string, start: number, length: number): Promise<Buffer> {
    return Buffer.from(this.#content(path).bytes.subarray(start, start + length));
  }

  replace(path: string, given: Uint8Array): Promise<void> {
    const bytes = Buffer.from(given);
    const put = (at: string): void => {
      this.files.set(at, { bytes, durable: bytes.length, isPoisoned: false });
    };
    return this.#run(
      'replace',
      path,
      () => put(path),
      undefined,
      (random) => put(random() < 0.5 ? path : `${path}.tmp`),
    );
  }

  rename(from: string, to: string): Promise<void> {
    const move = (): void => {
      this.files.set(to, this.#content(from));
      this.files.delete(from);
    };
    return this.#run('rename', to, move, undefined, (random) => {
      if (random() < 0.5) move();
    });
  }

  truncate(path: string, size: number): Promise<void> {
    const cut = (): void => {
      const { bytes } = this.#content(path);
      this.files.set(path, { bytes: Buffer.from(bytes.subarray(0, size)), durable: size, isPoisoned: false });
    };
    return this.#run('truncate', path, cut, undefined, (random) => {
      if (random() < 0.5) cut();
    });
  }

  async list(path: string): Promise<string[]> {
    const names = new Set<string>();
    for (const file of this.files.keys())
      if (file.startsWith(`${path}/`)) names.add(file.slice(path.length + 1).split('/')[0] ?? '');
    if (names.size === 0 && this.files.has(path))
      throw Object.assign(new Error(`ENOTDIR: ${path}`), { code: 'ENOTDIR' });
    return [...names].sort();
  }

  remove(path: string): Promise<void> {
    return this.#run('remove', path, () => {
      this.files.delete(path);
    });
  }

  async exists(path: string): Promise<boolean> {
    return this.files.has(path);
  }

  /** Power is lost: the disk as the next start finds it. The operations that were waiting never return. */
  powerLoss(random: () => number): CrashDisk {
    for (const { interrupted } of this.waiting.splice(0)) interrupted(random);
    const next = new CrashDisk();
    next.random = random;
    for (const [path, { bytes, durable }] of this.files) {
      const end = durable + Math.floor(random() * (bytes.length - durable + 1));
      const left = Buffer.from(bytes.subarray(0, end));
      for (let page = durable; page < end; page += 64 + Math.floor(random() * 400))
        if (random() < 0.15) left.fill(0, page, Math.min(end, page + 128));
      next.files.set(path, { bytes: left, durable: left.length, isPoisoned: false });
    }
    return next;
  }
}

/** Lets all that is ready happen; nothing here waits for time. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Numbers in [0, 1) from a seed (xorshift32). */
export function seeded(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
