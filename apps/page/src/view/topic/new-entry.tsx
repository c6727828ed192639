import { useSignal } from "@preact/signals"
import { mayWrite } from "../../hub/access.ts"
import { goTo } from "../../route.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { Icon } from "../icon.tsx"
import { creating } from "./creating.ts"
import { EntryEditor } from "./entry-editor.tsx"

/** The form for a new entry: its key, then its value. */
export function NewEntry({ view }: { readonly view: TopicView }) {
  const name = useSignal("")
  const isTaken = name.value !== "" && view.entry(name.value) !== undefined
  const isAllowed = mayWrite(view.topic, name.value)
  const close = () => {
    creating.value = undefined
  }
  const end = (isWritten: boolean) => {
    close()
    if (isWritten) goTo({ key: name.value })
  }
  return (
    <div class="entry">
      <div class="entry-head">
        <h2 class="plain">New entry</h2>
        <button type="button" class="quiet square" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div class="new-key">
        <label>
          Key
          <input
            autocomplete="off"
            spellcheck={false}
            placeholder="folder/name"
            value={name}
            onInput={(event) => {
              name.value = event.currentTarget.value
            }}
          />
        </label>
        {isTaken && <p class="failure">There is an entry under this key: open it to edit it.</p>}
        {!isAllowed && <p class="failure">Your grant has no write to this key.</p>}
      </div>
      {name.value !== "" && isAllowed && !isTaken && (
        <EntryEditor view={view} name={name.value} present={undefined} onEnd={end} />
      )}
    </div>
  )
}
