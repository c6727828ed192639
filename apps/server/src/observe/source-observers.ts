import type { CacheObserver } from "@headwater/cache"
import type { SyncerObserver } from "@headwater/syncer"
import type { HubObserver } from "./hub-observer.ts"

/** Returns the observer of a topic's cache, which tells the hub's. */
export function cacheObserver(topic: string, hub: HubObserver): CacheObserver {
  return {
    onApply: ({ updates }) => hub.onApply?.({ topic, updates }),
    onResync: ({ entries, durationMs }) => hub.onResync?.({ topic, entries, durationMs }),
    onStatus: (status) => hub.onStatus?.({ topic, status }),
    onMemoryFull: () => hub.onMemoryFull?.({ topic }),
  }
}

/** Returns the observer of a topic's syncer, which tells the hub's. */
export function syncerObserver(topic: string, hub: HubObserver): SyncerObserver {
  return {
    onWatch: () => hub.onWatch?.({ topic }),
    onFailure: (code) => hub.onSourceFailure?.({ topic, code }),
    onEpoch: (epoch) => hub.onEpoch?.({ topic, epoch }),
  }
}
