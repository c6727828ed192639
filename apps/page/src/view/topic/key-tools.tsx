import { mayWrite } from "../../hub/access.ts"
import type { TopicState } from "../../hub/topic-state.ts"
import { goTo, route } from "../../route.ts"
import { ListedTopic } from "../../topic/listed-topic.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { bytes, count } from "../../value/quantity.ts"
import { Icon } from "../icon.tsx"
import { creating } from "./creating.ts"

interface KeyToolsProps {
  readonly view: TopicView
  readonly state: TopicState
}

/** Search, layout, prefix and the button for a new entry, above the keys. */
export function KeyTools({ view, state }: KeyToolsProps) {
  const { find = "", layout } = route.value
  return (
    <div class="key-tools">
      {view instanceof ListedTopic && <PartNotice view={view} state={state} />}
      <div class="tool-row">
        <label class="search">
          <Icon name="search" />
          <span class="unseen">Search keys</span>
          <input
            type="search"
            placeholder="Search keys"
            autocomplete="off"
            spellcheck={false}
            value={find}
            onInput={(event) => goTo({ find: event.currentTarget.value }, "replace")}
          />
        </label>
        <fieldset class="segments">
          <legend class="unseen">Layout</legend>
          {(["tree", "list"] as const).map((choice) => (
            <button
              key={choice}
              type="button"
              aria-pressed={layout === choice}
              onClick={() => goTo({ layout: choice }, "replace")}
            >
              {choice}
            </button>
          ))}
        </fieldset>
        {mayWrite(state.topic, "") && (
          <button
            type="button"
            class="primary"
            onClick={() => {
              creating.value = { topic: state.topic }
            }}
          >
            <Icon name="plus" />
            New
          </button>
        )}
      </div>
    </div>
  )
}

function PartNotice({ view, state }: { readonly view: ListedTopic; readonly state: TopicState }) {
  const of = count(state.entries)
  const failure = view.failure.value
  return (
    <div class="part">
      <p>
        This topic has {bytes(state.bytes)}: the page shows a part of it,{" "}
        <strong>
          {count(view.index.all.length)} of {of} entries
        </strong>
        , as of revision {count(view.revision)}. It does not change by itself.
      </p>
      {failure && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      <form
        class="tool-row"
        onSubmit={(event) => {
          event.preventDefault()
          const prefix = new FormData(event.currentTarget).get("prefix")
          goTo({ prefix: String(prefix ?? "") })
        }}
      >
        <label class="search">
          <span class="unseen">Prefix</span>
          <input name="prefix" placeholder="Keys that begin with…" defaultValue={view.prefix} />
        </label>
        <button type="submit">Show</button>
        <button
          type="button"
          disabled={!view.hasMore || view.isLoading.value}
          onClick={() => view.more()}
        >
          {view.isLoading.value ? "Loading…" : "More"}
        </button>
      </form>
    </div>
  )
}
