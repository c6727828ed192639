import type { SnapshotCache } from "@headwater/cache"
import type { Clock, Source } from "@headwater/core"
import type { SyncerLimits } from "./limits.ts"
import type { SyncerObserver } from "./observer.ts"

/**
 * The calls of a syncer to a cache, such as a `SnapshotCache`, one after the other, and the state
 * of the cache at the start, which may come from an image.
 */
export type SyncTarget = Pick<
  SnapshotCache,
  | "renew"
  | "beginResync"
  | "applyList"
  | "applyCommits"
  | "endResync"
  | "progress"
  | "setStatus"
  | "contact"
  | "epoch"
  | "contiguous"
  | "metadata"
>

/** Writes one structured log line. The level is `info` unless given. */
export type SyncerLog = (
  line: string,
  fields?: Readonly<Record<string, unknown>>,
  level?: "info" | "warn",
) => void

/** The options of a syncer. */
export interface SyncerOptions {
  readonly source: Source
  readonly cache: SyncTarget
  readonly clock: Clock
  /** Numbers from 0 to below 1, for back-off and for names of epochs. */
  readonly random: () => number
  /**
   * Everything else that decides which entries are shown: prefix, value kind, validator, its
   * version.
   */
  readonly epochSalt: string
  readonly log?: SyncerLog
  /** Gets the facts that metrics count. */
  readonly observer?: SyncerObserver
  readonly limits?: Partial<SyncerLimits>
}
