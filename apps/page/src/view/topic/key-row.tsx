import type { TreeRow } from "../../topic/key-tree.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { previewOf } from "../../value/preview.ts"
import { count } from "../../value/quantity.ts"
import { Icon } from "../icon.tsx"
import { ROW_HEIGHT } from "../row-height.ts"
import { rowStyle } from "../virtual-rows.tsx"

/** Characters of a value that a row shows. */
const PREVIEW_LENGTH = 80

interface KeyRowProps {
  readonly view: TopicView
  readonly row: TreeRow
  readonly index: number
  readonly total: number
  readonly layout: "tree" | "list"
  readonly isActive: boolean
  readonly isChosen: boolean
  readonly onChoose: (row: TreeRow) => void
}

/** A folder, or a key with the beginning of its value. */
export function KeyRow(props: KeyRowProps) {
  const { view, row, index, total, layout, isActive, isChosen, onChoose } = props
  const isFolder = row.count !== undefined
  const role = layout === "tree" ? ("treeitem" as const) : ("option" as const)
  // The box of the rows has the focus, and takes the keys.
  const place = {
    role,
    onClick: () => onChoose(row),
    "aria-selected": isChosen,
    "aria-setsize": total,
    "aria-posinset": index + 1,
    ...(layout === "tree" && { "aria-level": row.depth + 1 }),
    ...(isFolder && { "aria-expanded": row.isOpen }),
  }
  return (
    <div
      id={`row-${index}`}
      class="key-row"
      data-active={isActive}
      data-fresh={!isFolder && view.isFresh(row.path)}
      style={rowStyle(index, ROW_HEIGHT)}
      {...place}
    >
      <span class="key-label" style={{ paddingInlineStart: `${row.depth * 16}px` }}>
        {isFolder && (
          <span class="twist" data-open={row.isOpen}>
            <Icon name="chevron" />
          </span>
        )}
        <bdi>{row.label}</bdi>
      </span>
      {isFolder ? (
        <span class="amount">{count(row.count)}</span>
      ) : (
        <ValuePreview view={view} name={row.path} />
      )}
    </div>
  )
}

function ValuePreview({ view, name }: { readonly view: TopicView; readonly name: string }) {
  const entry = view.entry(name)
  if (entry === undefined) return null
  const { kind, text } = previewOf(entry.value, view.values, PREVIEW_LENGTH)
  return <span class={`preview token-${kind}`}>{text}</span>
}
