/**
 * The script of the page at `/`, which runs in a browser: a replica, and what is seen of it. What
 * comes from the topic is only ever set as text.
 *
 * @module
 */
import { connect, type EntryChange, type Replica, type ReplicaEntry } from "@headwater/client"

/** Rows of the table of entries, and of the last changes. */
const ROWS_MAX = 100
const CHANGES_MAX = 30

const picker = element<HTMLSelectElement>("topic")
const search = element<HTMLInputElement>("search")
let replica: Replica | undefined
let changes: EntryChange[] = []
let isDrawing = false

picker.addEventListener("change", follow)
search.addEventListener("input", draw)
follow()

function follow(): void {
  void replica?.close()
  changes = []
  const followed = connect({ url: "/", topic: picker.value })
  replica = followed
  followed.subscribe((_snapshot, commit) => {
    // The first commit is all that is held: that is no news.
    const isNews = commit !== undefined && commit.changes.length < followed.size
    if (isNews) changes = [...[...commit.changes].reverse(), ...changes].slice(0, CHANGES_MAX)
    draw()
  })
  followed.subscribeStatus(draw)
}

// However much changes, the page is drawn once a frame.
function draw(): void {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    if (replica !== undefined) show(replica)
  })
}

function show(replica: Replica): void {
  const { status, proven, position, size, digest } = replica
  const state = element("state")
  state.textContent = status.state
  state.dataset.state = status.state
  element("entries").textContent = position ? size.toLocaleString() : "–"
  element("revision").textContent = position ? String(position.revision) : "–"
  const isProven = proven.count > 0 && proven.mismatches === 0
  const proof = element("digest")
  proof.textContent = isProven
    ? `${digest} · proven ${proven.count}×`
    : `${digest} · ${proven.mismatches} mismatches`
  proof.classList.toggle("proven", isProven)
  element("source").textContent = status.hub
    ? `${status.hub.status}${status.hub.code ? ` (${status.hub.code})` : ""}`
    : "–"
  element("changes").replaceChildren(...changes.map(changeRow))
  showRows(replica)
}

function showRows(replica: Replica): void {
  const rows: ReplicaEntry[] = []
  let found = 0
  for (const entry of replica.entries()) {
    if (!entry.key.includes(search.value)) continue
    found++
    if (rows.length < ROWS_MAX) rows.push(entry)
  }
  rows.sort((a, b) => (a.key < b.key ? -1 : 1))
  const cells = rows.map(({ key, value, revision }) => row([key, textOf(value), String(revision)]))
  element("rows").replaceChildren(...cells)
  element("more").textContent = found > rows.length ? `${rows.length} of ${found}` : ""
}

function changeRow(change: EntryChange): HTMLTableRowElement {
  if (change.type === "deleted") return row(["deleted", change.previous.key, "", ""])
  const { key, value, revision } = change.entry
  return row([change.type, key, textOf(value), String(revision)])
}

function row(texts: readonly string[]): HTMLTableRowElement {
  const line = document.createElement("tr")
  for (const text of texts) line.insertCell().textContent = text
  return line
}

function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T
}
