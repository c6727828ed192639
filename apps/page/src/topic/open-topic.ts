import { computed, effect, signal } from "@preact/signals"
import { topicState, topics } from "../hub/hub-state.ts"
import { token } from "../hub/session.ts"
import { route } from "../route.ts"
import { FollowedTopic } from "./followed-topic.ts"
import { ListedTopic } from "./listed-topic.ts"
import type { TopicView } from "./topic-view.ts"

/** A topic of more bytes is browsed by prefix: a replica would take several times as much here. */
export const REPLICA_BYTES_MAX = 50_000_000

/** The topic that the page shows; undefined on the overview, and until the hub has named it. */
export const openTopic = signal<TopicView | undefined>(undefined)

// Another name, kind, size class, prefix or token opens another view. Text, as it is compared.
const wanted = computed(() => {
  const state = topicState(route.value.topic)
  if (state === undefined) return ""
  const isLarge = (state.bytes ?? 0) > REPLICA_BYTES_MAX
  const prefix = route.value.prefix ?? ""
  const { topic, values } = state
  const options = { topic, values, token: token.value }
  return JSON.stringify({ ...options, isLarge, prefix: isLarge ? prefix : "" })
})

/** Opens the topic of the route, and closes the one before. */
export function followRoute(): void {
  effect(() => {
    const description = wanted.value
    if (description === "") {
      openTopic.value = undefined
      return undefined
    }
    const { isLarge, ...options } = JSON.parse(description)
    const opened = isLarge ? new ListedTopic(options) : new FollowedTopic(options)
    openTopic.value = opened
    return () => opened.close()
  })
  effect(() => {
    const view = openTopic.value
    const state = topics.value?.find(({ topic }) => topic === view?.topic)
    if (state !== undefined && view instanceof FollowedTopic) view.confirm(state)
  })
}
