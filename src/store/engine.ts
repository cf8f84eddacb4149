import { mkdirSync, rmSync } from 'node:fs';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { GroupEncoder } from './group-encoder.ts';

/** What the embedded engine may use. */
export interface EngineLimits {
  /** DuckDB's own words: `512MB`. */
  readonly memory: string;
  readonly threads: number;
  /** Where sorts spill: a directory of this engine's own. What a killed process left there is thrown away. */
  readonly temporaryDirectory: string;
}

/**
 * Loads DuckDB, and opens one in memory with our limits. It fetches nothing from the network and looks for no home
 * directory.
 */
export async function openEngine(
  limits: EngineLimits,
): Promise<{ instance: DuckDBInstance; connection: DuckDBConnection }> {
  rmSync(limits.temporaryDirectory, { recursive: true, force: true });
  mkdirSync(limits.temporaryDirectory, { recursive: true });
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: limits.memory,
    threads: String(limits.threads),
    temp_directory: limits.temporaryDirectory,
    allocator_flush_threshold: '16MB',
    allocator_background_threads: 'true',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  return { instance, connection: await instance.connect() };
}

/**
 * What stores are made with: a thread that makes row groups, and the engine for what must be sorted. Both begin when
 * they are first needed, which for the engine is hardly ever.
 */
export class StoreEngine {
  readonly encoder = new GroupEncoder();
  readonly #limits: EngineLimits;
  #instance: Promise<DuckDBInstance> | null = null;

  constructor(limits: EngineLimits) {
    this.#limits = limits;
  }

  /** A connection of the caller's own. */
  async connect(): Promise<DuckDBConnection> {
    this.#instance ??= openEngine(this.#limits).then(
      ({ instance }) => instance,
      (error: Error) => {
        // The next one tries again.
        this.#instance = null;
        throw error;
      },
    );
    return (await this.#instance).connect();
  }

  async close(): Promise<void> {
    await this.encoder.close();
    // Who waited for a start that failed was told.
    (await this.#instance?.catch(() => null))?.closeSync();
  }
}
