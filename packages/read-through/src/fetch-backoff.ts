import { countFailure } from "@headwater/core"

/** Failures that are tolerated: the one after them is the first to be waited for. */
export const FAILURES_TOLERATED = 3

/** No wait is drawn from more than this and twice this. */
export const FETCH_BACKOFF_MS_MAX = 60_000

/** Failures are forgotten once everything was well for so long. */
export const HEALTH_MS = 10_000

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

/** Failures in a row, and since when, `elapsed` ms, all has been well. A value. */
export interface FailureCount {
  readonly failures: number
  readonly healthySince: number | undefined
}

/** Nothing has happened yet. */
export const NO_FAILURES: FailureCount = { failures: 0, healthySince: undefined }

/** One failure more. Those before it are forgotten if all has been well for `HEALTH_MS`. */
export function countFailed({ failures, healthySince }: FailureCount, now: number): FailureCount {
  const healthyMs = healthySince === undefined ? 0 : now - healthySince
  return { failures: countFailure(failures, healthyMs, HEALTH_MS), healthySince: undefined }
}

/** A success: failures are still remembered, until it has lasted. */
export function countWell({ failures, healthySince }: FailureCount, now: number): FailureCount {
  return { failures, healthySince: healthySince ?? now }
}
