/** Between which bounds a back-off grows, ms. */
export interface BackoffLimits {
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
}

/**
 * How long to wait before trying again, ms: full jitter, so that hubs which lost the same source
 * together do not come back together.
 *
 * @param attempt how many attempts have failed since all was well, from 1.
 *
 * Source: "Exponential Backoff And Jitter" (AWS, 2015).
 */
export function backoffMs(attempt: number, limits: BackoffLimits, random: () => number): number {
  // 2^30 times any base is beyond any cap; a larger power would only overflow.
  const ceiling = limits.backoffMinMs * 2 ** Math.min(attempt - 1, 30)
  return random() * Math.min(ceiling, limits.backoffMaxMs)
}
