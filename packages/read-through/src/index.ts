/**
 * A read-through cache: single flight, blocking gets, refresh in the background, notification of
 * changes. It knows no wire, and loads no WebAssembly; `@headwater/client/read-through` has types
 * that read from a hub.
 *
 * @example
 * import { ReadThroughCache } from "@headwater/read-through"
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
