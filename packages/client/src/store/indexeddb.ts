/**
 * Keeps a replica in the IndexedDB of a page or a worker.
 *
 * @example
 * import { stored } from "@headwater/client/store"
 * import { indexedDbStorage } from "@headwater/client/store/indexeddb"
 *
 * const store = stored(indexedDbStorage("services"))
 *
 * @module
 */
export { type IndexedDbOptions, indexedDbStorage } from "./indexeddb-storage.ts"
