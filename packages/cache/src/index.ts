/**
 * The latest state of a source, as immutable versions, and what changed since any of them. One
 * writer, any number of readers; a reader is a number, not a queue.
 *
 * @example
 * import { systemClock as clock } from "@headwater/core"
 * import { SnapshotCache } from "@headwater/cache"
 *
 * const cache = new SnapshotCache({ clock })
 * cache.renew("epoch-1")
 * cache.beginResync()
 * await cache.applyList({ revision: 1, entries: [], invalid: [] })
 * await cache.endResync(1)
 *
 * @module
 */
export { type Chunk, chunksOf, type Update } from "./batch.ts"
export { Breadcrumb, type BreadcrumbParts } from "./breadcrumb.ts"
export type { SnapshotCacheOptions } from "./cache-options.ts"
export { EpochState } from "./epoch-state.ts"
export type { CacheFrame, CacheResetReason } from "./follow/cache-frame.ts"
export {
  type CatchUp,
  NOTHING_HELD,
  type Plan,
  plan,
  type Walk,
  walked,
} from "./follow/catch-up.ts"
export { Lease, type LeaseOptions, Leases } from "./follow/leases.ts"
export type { Location } from "./follow/location.ts"
export { PinnedSnapshot } from "./follow/pinned-snapshot.ts"
export { statusKeyOf } from "./follow/status-key.ts"
export { type WatchChange, type WatchFrame, watch } from "./follow/watch.ts"
export { CACHE_LIMITS, type CacheLimits } from "./limits.ts"
export type { CacheMemory } from "./memory.ts"
export type { CacheObserver } from "./observer.ts"
export { SnapshotCache } from "./snapshot-cache.ts"
export type { Validate } from "./validator.ts"
export { Versions } from "./versions.ts"
