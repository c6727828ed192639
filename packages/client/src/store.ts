/**
 * Keeps a replica beyond its process: it begins with the stored state, resumes from there, and
 * proves it. A `ReplicaStorage` keeps the bytes: a file, an IndexedDB, or one of your own.
 *
 * @example
 * import { connect } from "@headwater/client"
 * import { stored } from "@headwater/client/store"
 * import { fileStorage } from "@headwater/client/store/file"
 *
 * const store = stored(fileStorage("./services.replica"))
 * const replica = connect({ url: "http://127.0.0.1:8080", topic: "services", store })
 *
 * @module
 */
export type { ReplicaStore } from "./link.ts"
export {
  type ReplicaStorage,
  SAVE_INTERVAL_MS,
  type StoreOptions,
  type StoreReport,
  stored,
} from "./store/stored.ts"
export type { StoredState } from "./store/stored-state.ts"
