import { useSignal } from "@preact/signals"
import { useEffect, useMemo } from "preact/hooks"
import { mayWrite } from "../../hub/access.ts"
import { hubLink } from "../../hub/hub-state.ts"
import { goTo } from "../../route.ts"
import { ExactValue } from "../../topic/exact-value.ts"
import { FollowedTopic } from "../../topic/followed-topic.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { typeOf } from "../../value/preview.ts"
import { bytes, count } from "../../value/quantity.ts"
import { Icon } from "../icon.tsx"
import { copy } from "../notice.tsx"
import { EntryEditor } from "./entry-editor.tsx"
import { EntryHistory } from "./entry-history.tsx"
import { ValueView } from "./value-view.tsx"

interface EntryPanelProps {
  readonly view: TopicView
  readonly name: string
}

/** An entry: its key, its whole value, its recent changes, and its editor. */
export function EntryPanel({ view, name }: EntryPanelProps) {
  const exact = useMemo(() => new ExactValue(view.topic, name), [view, name])
  const editing = useSignal<"put" | "delete" | undefined>(undefined)
  useEffect(() => () => exact.close(), [exact])
  void view.version.value
  const entry = view.entry(name)
  const isOnline = hubLink.value.state !== "gone"
  useEffect(() => {
    if (isOnline) exact.want(entry?.revision ?? 0)
  }, [exact, entry?.revision, isOnline])
  const value = exact.value.value
  const isAbsent = entry === undefined && value === undefined
  const canWrite = isOnline && mayWrite(view.topic, name)
  return (
    <div class="entry">
      <EntryHead name={name} />
      {isAbsent ? (
        <Absent exact={exact} view={view} />
      ) : (
        <>
          <p class="entry-facts">
            <span class="type">{entry ? typeOf(entry.value, view.values) : view.values}</span>
            <span>revision {count(entry?.revision ?? value?.revision)}</span>
            {value && <span>{bytes(value.bytes.length)}</span>}
            <span class="spring" />
            {canWrite && editing.value === undefined && (
              <>
                <button
                  type="button"
                  disabled={value === undefined}
                  onClick={() => {
                    editing.value = "put"
                  }}
                >
                  <Icon name="edit" />
                  Edit
                </button>
                <button
                  type="button"
                  class="danger"
                  disabled={value === undefined}
                  onClick={() => {
                    editing.value = "delete"
                  }}
                >
                  <Icon name="trash" />
                  Delete
                </button>
              </>
            )}
          </p>
          {editing.value !== undefined && value ? (
            <EntryEditor
              view={view}
              name={name}
              present={value}
              deletes={editing.value === "delete"}
              onEnd={() => {
                editing.value = undefined
              }}
            />
          ) : (
            <ValueView view={view} entry={entry} exact={value} isOnline={isOnline} />
          )}
        </>
      )}
      {view instanceof FollowedTopic && <EntryHistory view={view} name={name} />}
    </div>
  )
}

function EntryHead({ name }: { readonly name: string }) {
  return (
    <div class="entry-head">
      <button
        type="button"
        class="quiet square narrow-only"
        aria-label="Back to the keys"
        onClick={() => goTo({ key: undefined })}
      >
        <Icon name="back" />
      </button>
      <h2>
        <bdi>{name}</bdi>
      </h2>
      <button
        type="button"
        class="quiet square"
        aria-label="Copy the key"
        title="Copy the key"
        onClick={() => copy(name, "the key")}
      >
        <Icon name="copy" />
      </button>
      <button
        type="button"
        class="quiet square"
        aria-label="Copy a link to this key"
        title="Copy a link to this key"
        onClick={() => copy(location.href, "a link to the key")}
      >
        <Icon name="link" />
      </button>
      <button
        type="button"
        class="quiet square wide-only"
        aria-label="Close"
        title="Close"
        onClick={() => goTo({ key: undefined })}
      >
        <Icon name="close" />
      </button>
    </div>
  )
}

function Absent({ exact, view }: { readonly exact: ExactValue; readonly view: TopicView }) {
  const failure = exact.failure.value
  if (!view.isLoaded && failure === undefined) return <p class="empty">Loading…</p>
  const isAbsent = failure === undefined || failure.code === "ERR_KEY_ABSENT"
  return (
    <p class="empty" role="status">
      {isAbsent ? "There is no entry under this key now." : failure.message}
    </p>
  )
}
