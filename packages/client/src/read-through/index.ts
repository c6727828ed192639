/**
 * Types for `ReadThroughCache` of `@headwater/read-through` that read from a hub: by blocking
 * GETs, or by one stream for each entry. Nothing here loads WebAssembly, or the cache.
 *
 * @example
 * import { ReadThroughCache } from "@headwater/read-through"
 * import { entryType } from "@headwater/client/read-through"
 *
 * const cache = new ReadThroughCache()
 * const hub = { url: "http://127.0.0.1:8080", topic: "default" }
 * const entries = cache.register("entry", entryType(hub))
 * for await (const event of cache.notify(entries, { key: "leader" })) console.log(event)
 *
 * @module
 */
export { entryType } from "./entry-type.ts"
export { HubReadError } from "./hub-read-error.ts"
export type { HubEntry, HubTypeOptions } from "./hub-reader.ts"
export { listType } from "./list-type.ts"
export {
  LIVE_TTL_MS,
  type LiveTypeOptions,
  liveEntryType,
  liveListType,
} from "./live-type.ts"
