/**
 * The script of the page at `/`, which runs in a browser: a replica, and the elements that show it.
 * Keys and values are only ever set as text.
 *
 * @module
 */
import { connect, type EntryChange, type Replica } from "@headwater/client"
import { factsOf, firstRows, LastChanges, type PageValueKind, textOf } from "./page-model.ts"

/** Rows of the two tables. */
const ROWS_MAX = 100
const CHANGES_MAX = 30

const picker = element<HTMLSelectElement>("topic")
const search = element<HTMLInputElement>("search")
let replica: Replica | undefined
let changes = new LastChanges(CHANGES_MAX)
let isDrawing = false

picker.addEventListener("change", follow)
search.addEventListener("input", draw)
follow()

function follow(): void {
  void replica?.close()
  const own = new LastChanges(CHANGES_MAX)
  changes = own
  const followed = connect({ url: "/", topic: picker.value })
  replica = followed
  // Rejects when the replica is closed before: its status then says so.
  followed.ready.then(
    () => own.loaded(),
    () => {},
  )
  followed.subscribe((_snapshot, commit) => {
    if (commit !== undefined) own.add(commit, followed.size)
    draw()
  })
  followed.subscribeStatus(draw)
}

// Many changes in one frame of the browser are drawn once.
function draw(): void {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    if (replica !== undefined) show(replica)
  })
}

function show(replica: Replica): void {
  const { status, position, size } = replica
  const state = element("state")
  state.textContent = status.state
  state.dataset.state = status.state
  element("entries").textContent = position ? size.toLocaleString() : "–"
  element("revision").textContent = position ? String(position.revision) : "–"
  const { source, proof, isProven } = factsOf(replica)
  element("digest").textContent = proof
  element("digest").classList.toggle("proven", isProven)
  element("source").textContent = source
  element("changes").replaceChildren(...changes.list.map(changeRow))
  showRows(replica)
}

function showRows(replica: Replica): void {
  const { first, found } = firstRows(replica.entries(), search.value, ROWS_MAX)
  const rows = first.map(({ key, value, revision }) => row([key, valueText(value), `${revision}`]))
  element("rows").replaceChildren(...rows)
  element("more").textContent = found > first.length ? `the first ${first.length} of ${found}` : ""
}

function changeRow(change: EntryChange): HTMLTableRowElement {
  if (change.type === "deleted") return row(["deleted", change.previous.key, "", ""])
  const { key, value, revision } = change.entry
  return row([change.type, key, valueText(value), `${revision}`])
}

function row(texts: readonly string[]): HTMLTableRowElement {
  const line = document.createElement("tr")
  for (const text of texts) line.insertCell().textContent = text
  return line
}

function valueText(value: unknown): string {
  return textOf(value, picker.selectedOptions[0]?.dataset.values as PageValueKind)
}

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}
