import { type Gunzip, gunzipSync, type ZlibOptions } from 'node:zlib';

/**
 * The text of a payload that is one gzip member; null where it is none, where bytes follow it (its text alone would
 * lose them), or where it inflates to more than the limit.
 */
export function inflate(payload: Buffer, bytesMax: number): Buffer | null {
  if (payload[0] !== 0x1f || payload[1] !== 0x8b) return null;
  try {
    const options: ZlibOptions = { maxOutputLength: bytesMax, info: true };
    const { buffer, engine } = gunzipSync(payload, options) as unknown as { buffer: Buffer; engine: Gunzip };
    return engine.bytesWritten === payload.length ? buffer : null;
  } catch {
    return null;
  }
}
