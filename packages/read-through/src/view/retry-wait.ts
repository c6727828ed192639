/** How a wait grows with failures. */
export interface RetryWait {
  /** So many failures are waited for `waitMsMin` only. */
  readonly failuresMin: number
  readonly waitMsMin: number
  /** What the first failure after these is waited for; each next one twice as long. */
  readonly factorMs: number
  /** Before jitter. */
  readonly waitMsMax: number
}

/** Of a view's subscription: at once the first time, then from 0.2 to 60 s and up to twice that. */
export const VIEW_RETRY: RetryWait = {
  failuresMin: 1,
  waitMsMin: 0,
  factorMs: 200,
  waitMsMax: 60_000,
}

/**
 * How long to wait after a number of failures in a row, ms.
 *
 * Source: Consul `retry.Waiter`, whose jitter comes after the cap.
 *
 * @param draw from 0 to below 1; up to as much again.
 */
export function retryWaitMs(wait: RetryWait, failures: number, draw: number): number {
  const { failuresMin, waitMsMin, factorMs, waitMsMax } = wait
  if (failures <= failuresMin) return waitMsMin
  const grown = factorMs * 2 ** (failures - failuresMin - 1)
  const baseMs = Math.min(grown, waitMsMax)
  return Math.max(waitMsMin, baseMs + draw * baseMs)
}
