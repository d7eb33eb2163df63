/** What happened longer ago counts for little. */
const MEMORY_MS = 10_000;

/** Instances per second: an average in which a batch weighs more, the longer it took. */
export function recentRate(before: number | null, count: number, elapsedMs: number): number {
  const seenMs = Math.max(1, elapsedMs);
  const seen = (count * 1000) / seenMs;
  return before === null ? seen : before + (seen - before) * (1 - Math.exp(-seenMs / MEMORY_MS));
}
