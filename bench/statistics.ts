/**
 * The q-quantile of samples, linear between neighbours (type 7 of Hyndman and Fan, 1996).
 *
 * @param sorted ascending, not empty.
 * @param q from 0 to 1.
 */
export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q
  const below = Math.floor(at)
  const low = sorted[below]
  const high = sorted[Math.min(below + 1, sorted.length - 1)]
  if (low === undefined || high === undefined) throw new RangeError("no samples")
  return low + (high - low) * (at - below)
}

/** Median and spread of samples in any order. */
export function summary(samples: readonly number[]): { median: number; p05: number; p95: number } {
  const sorted = [...samples].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    p05: quantile(sorted, 0.05),
    p95: quantile(sorted, 0.95),
  }
}
