import { connect } from "@headwater/client"
import { computed, effect } from "@preact/signals"
import { route } from "../route.ts"
import { pollNow, topics } from "./hub-state.ts"
import { hubUrl } from "./request.ts"
import { token } from "./session.ts"
import { sharedFetch } from "./shared-fetch.ts"

/** A key that no topic is expected to have: the stream of it has heartbeats alone. */
const NO_KEY = "\u0001headwater/page"

// On a topic's page its own stream does this.
const watched = computed(() => (route.value.topic === undefined ? topics.value?.[0]?.topic : ""))

/**
 * Keeps a stream open on the overview, whose loss shows at once that the hub may be gone: the page
 * then asks, and does not wait for the next poll.
 */
export function watchLiveness(): void {
  effect(() => {
    const topic = watched.value
    const own = token.value
    if (!topic) return undefined
    const replica = connect({
      url: hubUrl,
      topic,
      keys: [NO_KEY],
      fetch: sharedFetch,
      ...(own && { token: own }),
      report: ({ type }) => {
        if (type === "lost") pollNow()
      },
    })
    replica.ready.catch(() => {}) // Refused, as by a grant that has no such key: polls alone.
    return () => {
      replica.close().catch(console.error)
    }
  })
}
