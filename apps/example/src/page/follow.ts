/**
 * The script of the page: a replica of the topic and its display. The page is drawn at most once
 * per frame, however many entries change.
 *
 * @module
 */
import { connect, type EntryChange, type Replica, type ReplicaEntry } from "@headwater/client"
import { commitsOf, waitFor } from "@headwater/client/follow"
import { tabs } from "@headwater/client/shared"
import { changeRow, type PackageValue, resultRow } from "./rows.ts"
import { showStreams } from "./stream-count.ts"

/** Rows that are drawn of what was found, and of the last changes. */
const RESULTS_MAX = 60
const CHANGES_MAX = 60

/** The first page of a run sees packages change without a click, after this long. */
const FIRST_ROUND_MS = 4_000

const search = byId<HTMLInputElement>("search")
const button = byId<HTMLButtonElement>("change")

let changes: EntryChange<PackageValue>[] = []
let changesSeen = 0
let isDrawing = false

const { hub, topic, rounds } = (await (await fetch("/settings.json")).json()) as {
  readonly hub: string
  readonly topic: string
  readonly rounds: number
}
// A worker has no import map, so one of the tabs holds the stream of all.
const replica = connect<PackageValue>({ url: hub, topic, fetch: tabs({ worker: false }) })
showStreams(hub, topic, (text) => {
  byId("streams").textContent = text
})
byId<HTMLAnchorElement>("hub-page").href = `${hub}/#/topic/${topic}/keys`
replica.subscribeStatus(draw)
replica.subscribe(draw)
search.addEventListener("input", draw)
button.addEventListener("click", ask)
await replica.ready
button.disabled = false
const firstRound = rounds === 0 ? setTimeout(ask, FIRST_ROUND_MS) : undefined
if (firstRound) byId("told").textContent = "In a moment, 1,000 packages change in etcd."

// What is held from the start is no news; what comes after is.
let isFirst = true
for await (const commit of commitsOf(replica)) {
  if (!isFirst) {
    changesSeen += commit.changes.length
    changes = [...commit.changes.slice(-CHANGES_MAX).reverse(), ...changes].slice(0, CHANGES_MAX)
  }
  isFirst = false
  draw()
}

/** Starts a round of changes; a failure is shown where the result would be. */
function ask(): void {
  change().catch((error: unknown) => {
    byId("told").textContent = `the round of changes failed: ${(error as Error).message}`
    button.disabled = false
  })
}

/** Asks for a round of changes; resolves when all of them have come back by the stream. */
async function change(): Promise<void> {
  clearTimeout(firstRound)
  button.disabled = true
  const started = performance.now()
  const seenBefore = changesSeen
  const answer = await fetch("/changes", { method: "POST" })
  const written = (await answer.json()) as { revision: number; commits: number }
  const epoch = replica.position?.epoch ?? ""
  await waitFor(replica, { epoch, revision: written.revision as never })
  const ms = Math.round(performance.now() - started)
  requestAnimationFrame(() => {
    byId("told").textContent =
      `${number(changesSeen - seenBefore)} packages, ${written.commits} transactions: ` +
      `asked for, written to etcd and here again in ${number(ms)} ms`
    button.disabled = false
  })
}

function draw(): void {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    show(replica)
  })
}

function show({ status, proven, position, size, digest }: Replica<PackageValue>): void {
  document.body.dataset.state = status.state
  byId("count").textContent = position ? number(size) : "…"
  byId("revision").textContent = position ? number(position.revision) : "…"
  byId("seen").textContent = number(changesSeen)
  byId("state").textContent = status.state
  byId("source").textContent = `etcd ${status.hub?.status ?? "…"}`
  byId("digest").textContent = position ? digest : "…"
  const isProven = proven.count > 0 && proven.mismatches === 0
  byId("proof").textContent = isProven
    ? `✓ proven at revision ${number(proven.position?.revision ?? 0)}`
    : `${number(proven.mismatches)} mismatches`
  byId("proof").classList.toggle("proven", isProven)
  byId("changes").replaceChildren(...changes.map(changeRow))
  showResults(search.value.trim().toLowerCase())
}

/** The packages with a word in their name, the shortest names first; then those described by it. */
function showResults(word: string): void {
  let found = 0
  const named: ReplicaEntry<PackageValue>[] = []
  const described: ReplicaEntry<PackageValue>[] = []
  for (const entry of replica.entries()) {
    const isNamed = entry.key.includes(word)
    if (!isNamed && !entry.value.description.toLowerCase().includes(word)) continue
    found += 1
    insertInto(isNamed ? named : described, entry, word === "" ? byName : byFit)
  }
  byId("found").textContent = `${number(found)} found`
  const shown = [...named, ...described].slice(0, RESULTS_MAX)
  byId("results").replaceChildren(...shown.map(resultRow))
}

function byName(a: ReplicaEntry, b: ReplicaEntry): number {
  return a.key < b.key ? -1 : 1
}

function byFit(a: ReplicaEntry, b: ReplicaEntry): number {
  return a.key.length - b.key.length || byName(a, b)
}

/** Keeps the first `RESULTS_MAX` in order: to sort 60,000 for 60 rows would take a frame or two. */
function insertInto<Entry extends ReplicaEntry>(
  kept: Entry[],
  entry: Entry,
  order: typeof byName,
): void {
  const last = kept.at(-1)
  if (last && kept.length >= RESULTS_MAX && order(last, entry) < 0) return
  let at = kept.length
  while (at > 0 && order(entry, kept[at - 1] as Entry) < 0) at -= 1
  kept.splice(at, 0, entry)
  if (kept.length > RESULTS_MAX) kept.pop()
}

function number(value: number): string {
  return value.toLocaleString("en")
}

function byId<Element extends HTMLElement>(id: string): Element {
  return document.getElementById(id) as Element
}
