/**
 * Materialised views: results built from the events of a subscription, and served with the same
 * `get` and `notify` as the entries of a read-through cache.
 *
 * @example
 * import { entriesView, ViewStore } from "@headwater/read-through/view"
 *
 * const store = new ViewStore()
 * store.register("people", {
 *   subscribe: (request, from, signal) => subscribe(request.key, from, signal),
 *   makeView: () => entriesView<string>(),
 * })
 * console.log((await store.get("people", { key: "london" })).value)
 *
 * @module
 */
export { type FeedEffect, type FeedPhase, type FeedState, hear, newFeed } from "./feed-state.ts"
export { Materializer, type MaterializerOptions, type Seen } from "./materializer.ts"
export { type RetryWait, retryWaitMs, VIEW_RETRY } from "./retry-wait.ts"
export { type EntriesViewOptions, entriesView, type KeyedEvent, type View } from "./view.ts"
export { VIEW_IDLE_MS, ViewStore, type ViewStoreOptions, type ViewType } from "./view-store.ts"
