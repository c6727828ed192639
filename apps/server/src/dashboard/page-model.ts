/**
 * The pure part of the page at `/`: texts and rows from the state of a replica. Runs in a browser.
 *
 * @module
 */
import type { EntryChange, Replica, ReplicaCommit, ReplicaEntry } from "@headwater/client"

/** Kinds of values that a topic may have. */
export type PageValueKind = "json" | "text" | "binary"

const TEXT_CHARS_MAX = 200
const BYTES_SHOWN_MAX = 16

/**
 * Returns a value as text, such that different values look different: of a `json` topic its JSON,
 * so that `"1"` has quotes and `1` has none; of a `binary` one the number of bytes, and the first.
 */
export function textOf(value: unknown, kind: PageValueKind): string {
  if (value instanceof Uint8Array) return bytesText(value)
  const text = kind === "text" ? String(value) : JSON.stringify(value)
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text
}

function bytesText(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, BYTES_SHOWN_MAX), (byte) =>
    byte.toString(16).padStart(2, "0"),
  )
  const rest = bytes.length > BYTES_SHOWN_MAX ? " …" : ""
  return `${bytes.length} bytes${shown.length > 0 ? `: ${shown.join(" ")}` : ""}${rest}`
}

/** The entries that the page shows. */
export interface Rows {
  /** The first entries in the order of their keys. */
  readonly first: readonly ReplicaEntry[]
  /** The number of entries whose key contains the search text. */
  readonly found: number
}

/**
 * Returns the first entries, in the order of keys, whose key contains a text. Cost: little more
 * than O(entries), since few keys are smaller than the `countMax` smallest so far.
 */
export function firstRows(entries: Iterable<ReplicaEntry>, search: string, countMax: number): Rows {
  const first: ReplicaEntry[] = []
  let found = 0
  for (const entry of entries) {
    if (!entry.key.includes(search)) continue
    found += 1
    if (first.length === countMax && entry.key > first.at(-1)!.key) continue
    first.splice(placeOf(entry.key, first), 0, entry)
    if (first.length > countMax) first.pop()
  }
  return { first, found }
}

// The index of the first entry whose key is not below a key.
function placeOf(key: string, sorted: readonly ReplicaEntry[]): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (sorted[middle]!.key < key) from = middle + 1
    else to = middle
  }
  return from
}

/** The last changes of a topic, newest first, since the page has its complete state. */
export class LastChanges {
  readonly #countMax: number
  #isLoaded = false
  #changes: readonly EntryChange[] = []

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** Newest first. */
  get list(): readonly EntryChange[] {
    return this.#changes
  }

  /** Notes that the replica is whole, perhaps without an entry: later commits are changes. */
  loaded(): void {
    this.#isLoaded = true
  }

  /**
   * Takes a commit. The first one brings the state that was there before, which is no change.
   *
   * @param size of the replica after the commit.
   */
  add({ changes }: Pick<ReplicaCommit, "changes">, size: number): void {
    const isLoad =
      !this.#isLoaded && changes.length === size && changes.every(({ type }) => type === "new")
    this.#isLoaded = true
    if (isLoad) return
    this.#changes = [...[...changes].reverse(), ...this.#changes].slice(0, this.#countMax)
  }
}

/** The texts at the top of the page. */
export interface Facts {
  /** The hub's link to its source, as far as the page knows it now. */
  readonly source: string
  /** True while the page shows the hub's present state, and a digest has proven it. */
  readonly isProven: boolean
  readonly proof: string
}

/**
 * Returns the claims of the page. While the link to the hub is lost, it knows neither the state of
 * the source nor whether the entries are still the hub's.
 */
export function factsOf({
  status,
  proven,
  digest,
}: Pick<Replica, "status" | "proven" | "digest">): Facts {
  const isLive = status.state === "live"
  const reported =
    status.hub && `${status.hub.status}${status.hub.code ? ` (${status.hub.code})` : ""}`
  const isProven = proven.count > 0 && proven.mismatches === 0
  return {
    source: isLive ? (reported ?? "–") : `unknown${reported ? `; last ${reported}` : ""}`,
    isProven: isLive && isProven,
    proof: `${digest} · ${proofText(proven, isLive)}`,
  }
}

function proofText({ count, mismatches, lastAt }: Replica["proven"], isLive: boolean): string {
  if (mismatches > 0) return `${mismatches} mismatches`
  if (count === 0 || lastAt === undefined) return "not proven yet"
  return isLive ? `proven ${count}×` : `last proven ${new Date(lastAt).toLocaleTimeString()}`
}
