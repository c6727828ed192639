/** The first delay is drawn from 0 to this; each next one from twice as much. */
export const BACKOFF_BASE_MS = 250

/** No delay is drawn from more than this. */
export const BACKOFF_CAP_MS = 30_000

/** A hub that wants its readers to stay away for longer is not believed. */
export const BACKOFF_FLOOR_MS_MAX = 600_000

/** A stream that was live for this long shows that the trouble is over. */
export const BACKOFF_RESET_MS = 10_000

/**
 * How long to wait before the next request, in milliseconds: full jitter, so that readers who lost
 * their hub at one moment do not come back at one moment.
 *
 * Source: Marc Brooker, "Exponential Backoff And Jitter", 2015.
 *
 * @param failures how many there were before, since the last 10 s of health.
 * @param random as `Math.random`.
 * @param floorMs what the hub asked for with `retry:` or `Retry-After`; obeyed up to 10 minutes.
 */
export function backoffMs(failures: number, random: () => number, floorMs = 0): number {
  const ceilingMs = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures)
  return Math.max(Math.min(floorMs, BACKOFF_FLOOR_MS_MAX), random() * ceilingMs)
}
