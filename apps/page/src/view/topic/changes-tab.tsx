import { type Signal, useSignal } from "@preact/signals"
import { useMemo } from "preact/hooks"
import { goTo, route } from "../../route.ts"
import type { LoggedChange } from "../../topic/change-log.ts"
import { FollowedTopic } from "../../topic/followed-topic.ts"
import { openTopic } from "../../topic/open-topic.ts"
import { count, counted } from "../../value/quantity.ts"
import { Icon } from "../icon.tsx"
import { rowStyle, VirtualRows } from "../virtual-rows.tsx"
import { ChangeRow } from "./change-row.tsx"

const TYPES = ["new", "updated", "deleted"] as const

/** The height of a change in px: two lines on a phone. */
const CHANGE_HEIGHT = globalThis.matchMedia?.("(max-width: 720px)").matches ? 56 : 30

/** The changes of a topic as they come, newest first. */
export function ChangesTab() {
  const view = openTopic.value
  if (view === undefined) return null
  if (!(view instanceof FollowedTopic)) {
    return (
      <p class="card empty">
        This topic is too large for the page to follow. Open a key to see its value, or follow the
        topic with <code>headwater follow</code>.
      </p>
    )
  }
  return <Changes view={view} />
}

function Changes({ view }: { readonly view: FollowedTopic }) {
  const pausedAt = useSignal<number | undefined>(undefined)
  const hidden = useSignal<readonly string[]>([])
  const version = view.version.value
  const query = (route.value.find ?? "").toLowerCase()
  const changes = useMemo(() => {
    const isWanted = ({ type, key }: LoggedChange) =>
      !hidden.value.includes(type) && key.toLowerCase().includes(query)
    return view.changes.newest(isWanted, pausedAt.value)
  }, [view, pausedAt.value === undefined ? version : 0, pausedAt.value, hidden.value, query])
  return (
    <section class="card changes-card" aria-label="Changes">
      <div class="tool-row">
        <PauseButton view={view} pausedAt={pausedAt} />
        <KeyFilter />
        <KindFilter hidden={hidden} />
        <span class="hint">{counted(view.changes.total, "change")} since this page is open</span>
      </div>
      {changes.length === 0 ? (
        <p class="empty">{reasonForNone(view)}</p>
      ) : (
        <ChangeRows view={view} changes={changes} />
      )}
    </section>
  )
}

interface PauseButtonProps {
  readonly view: FollowedTopic
  /** The number of the last change that is shown; undefined while they flow. */
  readonly pausedAt: Signal<number | undefined>
}

function PauseButton({ view, pausedAt }: PauseButtonProps) {
  const isPaused = pausedAt.value !== undefined
  const missed = view.changes.total - (pausedAt.value ?? view.changes.total)
  return (
    <button
      type="button"
      class={isPaused ? "primary" : ""}
      onClick={() => {
        pausedAt.value = isPaused ? undefined : view.changes.total
      }}
    >
      <Icon name={isPaused ? "play" : "pause"} />
      {isPaused ? `Go on (${counted(missed, "new change")})` : "Pause"}
    </button>
  )
}

function KeyFilter() {
  return (
    <label class="search">
      <Icon name="search" />
      <span class="unseen">Filter by key</span>
      <input
        type="search"
        placeholder="Filter by key"
        autocomplete="off"
        spellcheck={false}
        value={route.value.find ?? ""}
        onInput={(event) => goTo({ find: event.currentTarget.value }, "replace")}
      />
    </label>
  )
}

function KindFilter({ hidden }: { readonly hidden: Signal<readonly string[]> }) {
  const toggle = (type: string) => {
    const others = hidden.value.filter((other) => other !== type)
    hidden.value = others.length < hidden.value.length ? others : [...others, type]
  }
  return (
    <fieldset class="segments">
      <legend class="unseen">Kinds of changes</legend>
      {TYPES.map((type) => (
        <button
          key={type}
          type="button"
          aria-pressed={!hidden.value.includes(type)}
          onClick={() => toggle(type)}
        >
          {type}
        </button>
      ))}
    </fieldset>
  )
}

interface ChangeRowsProps {
  readonly view: FollowedTopic
  readonly changes: readonly LoggedChange[]
}

function ChangeRows({ view, changes }: ChangeRowsProps) {
  return (
    <VirtualRows
      count={changes.length}
      rowHeight={CHANGE_HEIGHT}
      className="change-rows"
      box={{ tabIndex: 0, role: "log", "aria-label": "Changes, newest first", "aria-live": "off" }}
      row={(index) => {
        const change = changes[index]!
        return (
          <div key={change.number} class="change-place" style={rowStyle(index, CHANGE_HEIGHT)}>
            <ChangeRow change={change} values={view.values} hasKey />
          </div>
        )
      }}
    />
  )
}

/** Before the state is here, the next change is a part of it, and no change. */
function reasonForNone({ isLoaded, changes }: FollowedTopic): string {
  if (!isLoaded) return "The state of the topic is on its way."
  if (changes.total > 0) {
    return `None of the last ${count(changes.total)} changes fits the filter.`
  }
  return "No change since this page is open. The next one shows here at once."
}
