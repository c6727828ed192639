/** Bounds of waits that grow with failures in a row, ms. */
export interface BackoffLimits {
  /** The ceiling after the first failure; it doubles with each one more. */
  readonly firstMs: number
  /** The ceiling never exceeds this. */
  readonly maxMs: number
}

/** The longest that a wait may be drawn from after so many failures in a row, ms; 0 after none. */
export function backoffCeilingMs(failures: number, { firstMs, maxMs }: BackoffLimits): number {
  // 2^30 times any first ceiling is beyond any cap; a larger power would only overflow.
  return failures > 0 ? Math.min(firstMs * 2 ** Math.min(failures - 1, 30), maxMs) : 0
}

/**
 * Returns the wait before the next attempt, ms: full jitter below a ceiling that doubles, so that
 * clients which lost one server at one moment do not come back at one moment.
 *
 * A floor, as from `Retry-After`, is the same for many clients at one moment: it is kept, and
 * the jitter above it is at least as wide as the floor is high.
 *
 * Source: Marc Brooker, "Exponential Backoff And Jitter", 2015.
 *
 * @param failures in a row, this one included: see `countFailure`.
 * @param draw from 0 to below 1, as of `Math.random`.
 */
export function backoffMs(
  failures: number,
  limits: BackoffLimits,
  draw: number,
  floorMs = 0,
): number {
  return floorMs + draw * Math.max(backoffCeilingMs(failures, limits), floorMs)
}

/**
 * Counts one more failure in a row. Earlier failures are forgotten only after a long healthy time:
 * a link that works for a moment each time must not become a loop without a pause.
 *
 * @param healthyMs the healthy time before this failure.
 * @param forgetAfterMs the healthy time after which earlier failures are forgotten.
 */
export function countFailure(failures: number, healthyMs: number, forgetAfterMs: number): number {
  return healthyMs >= forgetAfterMs ? 1 : failures + 1
}
