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

export { VIEW_RETRY } from "../retry.ts"
export {
  applyFrame,
  type FeedEffect,
  type FeedPhase,
  type FeedState,
  newFeed,
} from "./feed-state.ts"
export {
  type EntriesViewOptions,
  entriesView,
  type KeyedEvent,
  type MaterializedView,
} from "./materialized-view.ts"
export { Materializer, type MaterializerOptions, type ViewState } from "./materializer.ts"
export { VIEW_IDLE_MS, ViewStore, type ViewStoreOptions, type ViewType } from "./view-store.ts"
