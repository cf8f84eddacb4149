/** Server time, µs since the epoch: wall clock at the start plus monotonic time, so it never goes back. */
export function serverTime(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}
