/** The keys that a commit brought and took away. */
export interface KeyChanges {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** Above this share of all keys a merge is cheaper than insertions one by one. */
const SINGLES_SHARE = 1 / 64

/**
 * The keys of a topic in order, and those among them that contain a search text.
 *
 * Both are kept up to date change by change: O(log n) and a move of pointers for each key, so that
 * no commit walks the whole topic. Only another search text does, and one that extends the present
 * text searches what that found.
 */
export class KeyIndex {
  #all: string[] = []
  #found: string[] | undefined
  #query = ""
  #version = 0

  /** All keys, sorted. Changed in place: read it within the frame. */
  get all(): readonly string[] {
    return this.#all
  }

  /** The keys that contain the search text, sorted. */
  get found(): readonly string[] {
    return this.#found ?? this.#all
  }

  /** Grows whenever `all` or `found` changes. */
  get version(): number {
    return this.#version
  }

  /** Takes the keys of a whole state. */
  reset(keys: Iterable<string>): void {
    this.#all = [...keys].sort(byCodeUnits)
    this.#found = this.#query === "" ? undefined : this.#filter(this.#all)
    this.#version += 1
  }

  /** Takes the keys of a commit. A key that is there already is not added again. */
  apply(changes: KeyChanges): void {
    const { added, removed } = changes
    if (added.length + removed.length === 0) return
    this.#all = changed(this.#all, changes)
    if (this.#found) {
      this.#found = changed(this.#found, {
        added: this.#filter(added),
        removed: this.#filter(removed),
      })
    }
    this.#version += 1
  }

  /** Sets the search text; an empty one finds every key. Upper and lower case are the same. */
  search(text: string): void {
    const query = text.toLowerCase()
    if (query === this.#query) return
    const isNarrower = this.#query !== "" && query.includes(this.#query)
    const from = isNarrower ? this.found : this.#all
    this.#query = query
    this.#found = query === "" ? undefined : this.#filter(from)
    this.#version += 1
  }

  #filter(keys: readonly string[]): string[] {
    return keys.filter((key) => key.toLowerCase().includes(this.#query))
  }
}

/** The index of the first of sorted keys that is not below a key. */
export function indexOfKey(keys: readonly string[], key: string): number {
  let [from, to] = [0, keys.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (keys[middle]! < key) from = middle + 1
    else to = middle
  }
  return from
}

function changed(sorted: string[], { added, removed }: KeyChanges): string[] {
  if (added.length + removed.length > 32 + sorted.length * SINGLES_SHARE) {
    const gone = new Set(removed)
    const kept = new Set(gone.size === 0 ? sorted : sorted.filter((key) => !gone.has(key)))
    for (const key of [...added].sort(byCodeUnits)) kept.add(key)
    return [...kept].sort(byCodeUnits) // Two sorted runs: linear.
  }
  for (const key of removed) {
    const at = indexOfKey(sorted, key)
    if (sorted[at] === key) sorted.splice(at, 1)
  }
  for (const key of added) {
    const at = indexOfKey(sorted, key)
    if (sorted[at] !== key) sorted.splice(at, 0, key)
  }
  return sorted
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
