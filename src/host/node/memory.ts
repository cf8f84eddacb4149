import { isMarkedAsUntransferable } from 'node:worker_threads';

/**
 * Gives the memory of bytes that nobody will read any more back at once. The collector does not come for large memory by
 * itself until there is so much of it that everything is looked through (ARCHITECTURE, "Where the time goes").
 */
export function freeMemory(bytes: Uint8Array): void {
  const memory = bytes.buffer as ArrayBuffer;
  // Small pieces are in memory that Node shares out.
  if (!isMarkedAsUntransferable(memory)) memory.transfer(0);
}
