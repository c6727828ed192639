import { linkTo } from "../../route.ts"
import type { LoggedChange } from "../../topic/change-log.ts"
import { previewOf, type TopicValues } from "../../value/preview.ts"
import { clockTime, count } from "../../value/quantity.ts"

/** Characters of each value that a row shows. */
const LENGTH_MAX = 160

interface ChangeRowProps {
  readonly change: LoggedChange
  readonly values: TopicValues
  /** Shows the key, as a link. */
  readonly hasKey?: boolean
}

/** A change: its time, its kind, its key, and the values before and after. */
export function ChangeRow({ change, values, hasKey = false }: ChangeRowProps) {
  const { type, key, at, revision, value, previous } = change
  return (
    <div class="change" data-type={type}>
      <time dateTime={new Date(at).toISOString()}>{clockTime(at)}</time>
      <span class="change-type">{type}</span>
      {hasKey && (
        <a href={linkTo({ tab: "keys", key, find: undefined })}>
          <bdi>{key}</bdi>
        </a>
      )}
      <span class="change-values">
        {type !== "new" && <Value of={previous} values={values} name="before" />}
        {type === "updated" && <span aria-hidden="true"> → </span>}
        {type !== "deleted" && <Value of={value} values={values} name="after" />}
      </span>
      <span class="change-revision">{count(revision)}</span>
    </div>
  )
}

interface ValueProps {
  readonly of: unknown
  readonly values: TopicValues
  readonly name: "before" | "after"
}

function Value({ of, values, name }: ValueProps) {
  const { kind, text } = previewOf(of, values, LENGTH_MAX)
  return name === "before" ? (
    <del class="preview">{text}</del>
  ) : (
    <ins class={`preview token-${kind}`}>{text}</ins>
  )
}
