/** Messages as `SocketEvents.messages` gives them, each for itself: for tests. */
export function payloads(bytes: Buffer, spans: Uint32Array, count: number): Buffer[] {
  return Array.from({ length: count }, (_, n) => bytes.subarray(spans[2 * n], spans[2 * n + 1]));
}
