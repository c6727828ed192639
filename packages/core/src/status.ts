import type { SyncErrorCode } from "./errors.ts"

/**
 * A hub's link to its source.
 *
 *   waiting     nothing was ever complete
 *   resyncing   a list is being read; what was complete before is still served
 *   in-sync     everything that the source told has been applied
 *   stale       the link is broken; what was complete before is still served
 */
export type Status = "waiting" | "resyncing" | "in-sync" | "stale"

/** A status with what an operator and a reader want to know beside it. Times are ms since 1970. */
export interface StatusReport {
  readonly status: Status
  /** When this status began. */
  readonly statusSince: number
  /** When the source last said anything; 0 when it never did. */
  readonly lastContact: number
  /** Entries of the source that are absent because they are invalid. */
  readonly invalid: number
  /** Why, when the link failed. */
  readonly code?: SyncErrorCode
}
