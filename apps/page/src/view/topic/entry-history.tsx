import type { FollowedTopic } from "../../topic/followed-topic.ts"
import { counted } from "../../value/quantity.ts"
import { ChangeRow } from "./change-row.tsx"

/** Changes of one key that its history shows. */
const SHOWN_MAX = 50

/** The changes of one key since the page is open, newest first. */
export function EntryHistory({
  view,
  name,
}: {
  readonly view: FollowedTopic
  readonly name: string
}) {
  void view.version.value
  const changes = view.changes.newest(({ key }) => key === name)
  return (
    <section class="history" aria-labelledby="history-title">
      <h3 id="history-title">
        Recent changes{" "}
        {changes.length > 0 && <span class="amount">{counted(changes.length, "change")}</span>}
      </h3>
      {changes.length === 0 ? (
        <p class="hint">None since this page is open.</p>
      ) : (
        <ol class="changes">
          {changes.slice(0, SHOWN_MAX).map((change) => (
            <li key={change.number}>
              <ChangeRow change={change} values={view.values} />
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}
