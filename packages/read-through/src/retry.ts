import { type BackoffLimits, backoffCeilingMs, backoffMs, countFailure } from "@headwater/core"

/** The growth of waits with failures in a row. */
export interface RetryWait extends BackoffLimits {
  /** Failures after which the next attempt does not wait. */
  readonly tolerated: number
}

/** Failed reads of an entry: three at once, then waits from 2, 4, 8 … 60 s. Source: Consul. */
export const FETCH_RETRY: RetryWait = { tolerated: 3, firstMs: 2_000, maxMs: 60_000 }

/** Failed subscriptions of a view: one at once, then waits from 0.2 to 60 s. Source: Consul. */
export const VIEW_RETRY: RetryWait = { tolerated: 1, firstMs: 200, maxMs: 60_000 }

/** Failures are forgotten once everything was well for so long. */
export const HEALTH_MS = 10_000

/**
 * Returns the wait after a number of failures in a row, ms: a ceiling that doubles, and jitter of
 * up to as much again.
 *
 * @param draw from 0 to below 1.
 */
export function retryWaitMs(wait: RetryWait, failures: number, draw: number): number {
  const over = failures - wait.tolerated
  return backoffMs(over, wait, draw, backoffCeilingMs(over, wait))
}

/** Failures in a row, and the start of the health since the last one, `elapsed` ms. A value. */
export interface FailureCount {
  readonly failures: number
  readonly healthySince: number | undefined
}

/** The count before the first attempt. */
export const NO_FAILURES: FailureCount = { failures: 0, healthySince: undefined }

/** Counts one failure more. Earlier ones are forgotten if all has been well for `HEALTH_MS`. */
export function countFailed({ failures, healthySince }: FailureCount, now: number): FailureCount {
  const healthyMs = healthySince === undefined ? 0 : now - healthySince
  return { failures: countFailure(failures, healthyMs, HEALTH_MS), healthySince: undefined }
}

/** Counts a success. Failures are remembered until it has lasted. */
export function countWell({ failures, healthySince }: FailureCount, now: number): FailureCount {
  return { failures, healthySince: healthySince ?? now }
}
