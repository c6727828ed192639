import { useComputed, useSignal } from "@preact/signals"
import { useEffect, useMemo, useRef } from "preact/hooks"
import { goTo, route } from "../../route.ts"
import { KeyRows, OpenFolders } from "../../topic/key-rows.ts"
import { rowId, type TreeRow } from "../../topic/key-tree.ts"
import { ListedTopic } from "../../topic/listed-topic.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { count } from "../../value/quantity.ts"
import { ROW_HEIGHT } from "../row-height.ts"
import { VirtualRows } from "../virtual-rows.tsx"
import { KeyRow } from "./key-row.tsx"
import { moveInRows } from "./move-in-rows.ts"

/** The keys as a tree or a list, with as many rows drawn as are seen. */
export function KeyList({ view }: { readonly view: TopicView }) {
  const list = useKeyRows(view)
  const { rows, total, active, layout } = list
  const { key, find = "" } = route.value
  if (!view.isLoaded) return <Loading view={view} />
  return (
    <>
      <VirtualRows
        count={total}
        rowHeight={ROW_HEIGHT}
        active={active}
        className="key-rows"
        box={{
          role: layout === "tree" ? "tree" : "listbox",
          "aria-label": "Keys",
          tabIndex: 0,
          onKeyDown: list.onKeyDown,
          ...(active >= 0 && { "aria-activedescendant": `row-${active}` }),
        }}
        row={(index) => {
          const row = rows.at(index, layout)
          if (row === undefined) return null
          return (
            <KeyRow
              key={rowId(row)}
              view={view}
              row={row}
              index={index}
              total={total}
              layout={layout}
              isActive={index === active}
              isChosen={row.count === undefined && row.path === key}
              onChoose={list.choose}
            />
          )
        }}
      />
      <KeyCount view={view} find={find} />
    </>
  )
}

// The rows, the present one, and what choosing and the keyboard do with them.
function useKeyRows(view: TopicView) {
  const folders = useMemo(() => new OpenFolders(), [view])
  const rows = useMemo(() => new KeyRows(view.index, (prefix) => folders.has(prefix)), [view])
  const foldersVersion = useSignal(0)
  const cursor = useSignal("")
  const { key, layout, find = "" } = route.value
  const revealed = useRef("")
  if (key !== undefined && revealed.current !== key) {
    revealed.current = key
    folders.reveal(key)
  }
  useEffect(() => {
    if (key !== undefined) cursor.value = rowId({ path: key, count: undefined })
  }, [key])
  const version = useComputed(() => view.version.value)
  void version.value
  void foldersVersion.value
  const arrangement = { layout, find, foldersVersion: folders.version }
  const total = rows.count(arrangement, performance.now())
  const active = rows.indexOf(cursor.value, layout)

  const setOpen = (path: string, isOpen: boolean) => {
    folders.set(path, isOpen)
    foldersVersion.value = folders.version
  }
  const choose = (row: TreeRow) => {
    cursor.value = rowId(row)
    if (row.count !== undefined) setOpen(row.path, !row.isOpen)
    else goTo({ key: row.path }, route.value.key === undefined ? "push" : "replace")
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const move = moveInRows(event.key, active, total, (index) => rows.at(index, layout))
    if (move === undefined) return
    event.preventDefault()
    if (move.type === "go") {
      const row = rows.at(move.index, layout)
      cursor.value = row ? rowId(row) : ""
    } else if (move.type === "choose") choose(move.row)
    else setOpen(move.row.path, move.type === "open")
  }
  return { rows, total, active, layout, choose, onKeyDown }
}

function KeyCount({ view, find }: { readonly view: TopicView; readonly find: string }) {
  const all = count(view.index.all.length)
  const found = count(view.index.found.length)
  const text = find === "" ? `${all} keys` : `${found} of ${all} keys`
  return (
    <p class="key-count" role="status">
      {find !== "" && view.index.found.length === 0 ? `No key contains “${find}”` : text}
    </p>
  )
}

function Loading({ view }: { readonly view: TopicView }) {
  const isListed = view instanceof ListedTopic
  if (isListed && view.failure.value) return <p class="empty">{view.failure.value}</p>
  return (
    <p class="empty" role="status">
      Loading the entries…
    </p>
  )
}
