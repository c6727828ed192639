/**
 * A read-through cache: single flight, blocking gets, refresh in the background, notification of
 * changes. It names no wire, and loads no WebAssembly; `@headwater/client/read-through` has types
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
export type { AnswerMeta, CacheAnswer } from "./answer.ts"
export type { CacheEvent, NotifyOptions } from "./cache-event.ts"
export type { ReadThroughLimits } from "./limits.ts"
export type { FetchOutcome, ReadThroughObserver } from "./observer.ts"
export type { EvictFilter, ReadThroughOptions } from "./options.ts"
export { ReadThroughCache, type TypeOf } from "./read-through-cache.ts"
export { FetchFailedError, ReadThroughError } from "./read-through-error.ts"
export type { RegisteredType } from "./registered-type.ts"
export { FETCH_RETRY, HEALTH_MS, type RetryWait, retryWaitMs } from "./retry.ts"
