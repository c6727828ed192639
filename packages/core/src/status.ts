import type { SyncErrorCode } from "./errors.ts"

/**
 * A hub's link to its source.
 *
 *   waiting     no list has been complete yet
 *   resyncing   a list is being read; the last complete state is still served
 *   in-sync     everything received from the source has been applied
 *   stale       the link is broken; the last complete state is still served
 */
export type Status = "waiting" | "resyncing" | "in-sync" | "stale"

/** A status and its circumstances. Times are ms since 1970. */
export interface StatusReport {
  readonly status: Status
  /** The time at which this status began. */
  readonly statusSince: number
  /** The time of the last answer of the source; 0 before the first. */
  readonly lastContact: number
  /**
   * Entries of the source that are absent because they are invalid. A hub leaves it out for readers
   * that may see a part of the topic only.
   */
  readonly invalid?: number
  /** The failure of the link, if it failed. */
  readonly code?: SyncErrorCode
}
