/** Failures that are tolerated: the one after them is the first to be waited for. */
export const FAILURES_TOLERATED = 3

/** No wait is drawn from more than this and twice this. */
export const FETCH_BACKOFF_MS_MAX = 60_000

/**
 * How long to wait after a number of failures in a row, ms: nothing for the first three, then from
 * 2, 4, 8 … 60 s to twice that.
 *
 * Source: Consul `cache.backOffWait`.
 *
 * @param draw from 0 to below 1.
 */
export function fetchBackoffMs(failures: number, draw: number): number {
  const over = failures - FAILURES_TOLERATED
  if (over <= 0) return 0
  const baseMs = Math.min(1_000 * 2 ** over, FETCH_BACKOFF_MS_MAX)
  return baseMs + draw * baseMs
}
