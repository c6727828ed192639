import { RETRY_MS_FLOOR, RETRY_MS_MAX } from "@headwater/protocol"

/** Time that a hub needs to take one reader back: hello, position, first frames. */
const MS_PER_READER = 2

/**
 * Returns a delay for one of many readers that are sent away together, in ms. The range grows with
 * their number, so that readers come back at no more than 500 a second: 10,000 within 20 s.
 *
 * @param random from 0 to below 1.
 */
export function retryDelayMs(readers: number, random: number): number {
  const spreadMs = Math.max(RETRY_MS_MAX - RETRY_MS_FLOOR, readers * MS_PER_READER)
  return RETRY_MS_FLOOR + Math.floor(random * spreadMs)
}

/** Least range of the delay of readers that leave one after another, in ms. */
const LEAVING_MS_MIN = 250

/**
 * Returns a delay for a reader that leaves a hub which drains, in ms. Others leave before and after
 * it, and another hub can take it at once, so the range grows with their number alone.
 *
 * @param readers that leave.
 * @param random from 0 to below 1.
 */
export function leavingDelayMs(readers: number, random: number): number {
  const spreadMs = Math.max(LEAVING_MS_MIN, readers * MS_PER_READER)
  return RETRY_MS_FLOOR + Math.floor(random * spreadMs)
}
