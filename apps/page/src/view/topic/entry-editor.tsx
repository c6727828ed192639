import { type Signal, useSignal } from "@preact/signals"
import type { RequestFailure } from "../../hub/request.ts"
import { bodyOfDraft, editableText, failureText } from "../../topic/entry-draft.ts"
import type { Exact } from "../../topic/exact-value.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { writeEntry } from "../../topic/write-entry.ts"
import { count } from "../../value/quantity.ts"
import { notify } from "../notice.tsx"
import { DiffView } from "./diff-view.tsx"

interface EntryEditorProps {
  readonly view: TopicView
  readonly name: string
  /** The value as it is now; undefined where there is no entry. */
  readonly present: Exact | undefined
  readonly deletes?: boolean
  /** Called when it was written or given up. */
  readonly onEnd: (isWritten: boolean) => void
}

/** The editor of a value: text, then the difference, then the write with its condition. */
export function EntryEditor(props: EntryEditorProps) {
  const { view, name, present, deletes = false, onEnd } = props
  const editor = useEditor(props)
  const { before, draft, body, base, failure, isReviewed } = editor
  return (
    <div class="editor">
      {isReviewed.value ? (
        <DiffView before={before} after={deletes ? "" : draft.value} />
      ) : (
        <Draft name={name} values={view.values} draft={draft} failure={failure} />
      )}
      {body instanceof Error && draft.value !== "" && <p class="failure">{body.message}</p>}
      {failure.value && (
        <p class="failure" role="alert">
          {failure.value}
        </p>
      )}
      {(present?.revision ?? 0) !== (base.value?.revision ?? 0) && (
        <p class="failure" role="alert">
          The entry changed meanwhile
          {present ? `: it is at revision ${count(present.revision)} now` : ": it is gone"}.{" "}
          <button
            type="button"
            onClick={() => {
              base.value = present
              failure.value = undefined
            }}
          >
            Compare with that
          </button>
        </p>
      )}
      <EditorActions
        isReviewed={isReviewed}
        isUnchanged={!deletes && present !== undefined && draft.value === before}
        isBad={body instanceof Error || editor.isSending.value}
        deletes={deletes}
        condition={base.value?.revision ?? 0}
        onSend={editor.send}
        onCancel={() => onEnd(false)}
      />
    </div>
  )
}

// The draft, and the value and revision that it replaces: those of the time when it was begun.
function useEditor({ view, name, present, deletes = false, onEnd }: EntryEditorProps) {
  const { topic, values } = view
  const base = useSignal(present)
  const before = base.value ? editableText(values, base.value.bytes) : ""
  const draft = useSignal(deletes ? "" : before)
  const isReviewed = useSignal(deletes)
  const failure = useSignal<string | undefined>(undefined)
  const isSending = useSignal(false)
  const body = deletes ? undefined : bodyOfDraft(values, draft.value, base.value?.bytes)
  const send = () => {
    if (body instanceof Error) return
    isSending.value = true
    writeEntry({ topic, values, key: name, body, ifRevision: base.value?.revision ?? 0 })
      .then((revision) => {
        notify(`${deletes ? "deleted" : "written"} at revision ${count(revision)}`)
        onEnd(true)
      })
      .catch((error: RequestFailure) => {
        failure.value = failureText(error)
      })
      .finally(() => {
        isSending.value = false
      })
  }
  return { base, before, draft, isReviewed, failure, isSending, body, send }
}

interface DraftProps {
  readonly name: string
  readonly values: TopicView["values"]
  readonly draft: Signal<string>
  readonly failure: Signal<string | undefined>
}

function Draft({ name, values, draft, failure }: DraftProps) {
  const form = values === "binary" ? " in base64" : values === "json" ? " as JSON" : ""
  return (
    <textarea
      aria-label={`Value of ${name}${form}`}
      placeholder={`The value${form}`}
      spellcheck={false}
      autocomplete="off"
      value={draft}
      rows={Math.min(24, Math.max(6, draft.value.split("\n").length + 1))}
      onInput={(event) => {
        draft.value = event.currentTarget.value
        failure.value = undefined
      }}
    />
  )
}

interface EditorActionsProps {
  readonly isReviewed: Signal<boolean>
  readonly isUnchanged: boolean
  readonly isBad: boolean
  readonly deletes: boolean
  /** The revision that the hub compares; 0 for an entry that must be absent. */
  readonly condition: number
  readonly onSend: () => void
  readonly onCancel: () => void
}

function EditorActions(props: EditorActionsProps) {
  const { isReviewed, isUnchanged, isBad, deletes, condition, onSend, onCancel } = props
  const toggle = () => {
    isReviewed.value = !isReviewed.value
  }
  const when = condition === 0 ? "the key is absent" : `it is still at ${count(condition)}`
  return (
    <div class="actions">
      {isReviewed.value ? (
        <button
          type="button"
          class={deletes ? "danger solid" : "primary"}
          disabled={isBad}
          onClick={onSend}
        >
          {deletes ? "Delete" : "Write"}
        </button>
      ) : (
        <button type="button" class="primary" disabled={isBad || isUnchanged} onClick={toggle}>
          Review the change
        </button>
      )}
      {isReviewed.value && !deletes && (
        <button type="button" onClick={toggle}>
          Edit on
        </button>
      )}
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
      {isReviewed.value && <span class="hint">only if {when}</span>}
    </div>
  )
}
