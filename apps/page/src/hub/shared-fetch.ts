import { tabs } from "@headwater/client/shared"

/** The `fetch` of all replicas of the page: tabs that follow the same share one stream. */
export const sharedFetch = tabs({ worker: new URL("worker.js", import.meta.url) })
