/**
 * A read-through cache: single flight, blocking gets, refresh in the background, notification of
 * changes. It knows no wire, and loads no WebAssembly; `@headwater/client/read-through` has types
 * that read from a hub.
 *
 * @example
 * import { ReadThroughCache } from "@headwater/cache/read-through"
 *
 * const cache = new ReadThroughCache()
 * cache.register("time", { fetch: async () => ({ value: new Date(), revision: Date.now() }) })
 * const { value, meta } = await cache.get("time", { key: "now", maxAgeMs: 1_000 })
 * console.log(value, meta.hit)
 *
 * @module
 */
export type { Answer, AnswerMeta } from "./answer.ts"
export type { CacheEvent, NotifyOptions } from "./cache-event.ts"
export { FAILURES_TOLERATED, FETCH_BACKOFF_MS_MAX, fetchBackoffMs } from "./fetch-backoff.ts"
export type { ReadThroughLimits } from "./limits.ts"
export type { FetchOutcome, ReadThroughObserver } from "./observer.ts"
export { ReadThroughCache, type ReadThroughOptions, type TypeOf } from "./read-through-cache.ts"
export { FetchFailedError, ReadThroughError } from "./read-through-error.ts"
export type { RegisteredType } from "./registered-type.ts"
export type { EvictFilter } from "./slot-table.ts"
export {
  type FeedEffect,
  type FeedPhase,
  type FeedState,
  hear,
  newFeed,
} from "./view/feed-state.ts"
export { Materializer, type MaterializerOptions, type Seen } from "./view/materializer.ts"
export { type RetryWait, retryWaitMs, VIEW_RETRY } from "./view/retry-wait.ts"
export { type EntriesViewOptions, entriesView, type KeyedEvent, type View } from "./view/view.ts"
export { VIEW_IDLE_MS, ViewStore, type ViewStoreOptions, type ViewType } from "./view/view-store.ts"
