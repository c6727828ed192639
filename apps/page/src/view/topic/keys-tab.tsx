import type { TopicState } from "../../hub/topic-state.ts"
import { route } from "../../route.ts"
import { openTopic } from "../../topic/open-topic.ts"
import { creating } from "./creating.ts"
import { EntryPanel } from "./entry-panel.tsx"
import { KeyList } from "./key-list.tsx"
import { KeyTools } from "./key-tools.tsx"
import { NewEntry } from "./new-entry.tsx"

/** The keys of a topic, and the value of the chosen one. On a phone one covers the other. */
export function KeysTab({ state }: { readonly state: TopicState }) {
  const view = openTopic.value
  if (view === undefined || view.topic !== state.topic) return <div class="keys" />
  const { key } = route.value
  return (
    <div class="keys" data-chosen={key !== undefined || creating.value !== undefined}>
      <section class="card key-side" aria-label="Keys">
        <KeyTools view={view} state={state} />
        <KeyList view={view} />
      </section>
      <section class="card entry-side" aria-label="Entry">
        {creating.value ? (
          <NewEntry view={view} />
        ) : key === undefined ? (
          <p class="empty">Choose a key to see its value.</p>
        ) : (
          <EntryPanel view={view} name={key} key={key} />
        )}
      </section>
    </div>
  )
}
