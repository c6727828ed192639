import { assert, type Commit, type Delta, type Revision, SourceError } from "@headwater/core"

/**
 * One change of one key, as the source sent it: a value, none (deleted), or the reason why the
 * entry is invalid.
 */
export interface Update {
  readonly key: string
  readonly revision: Revision
  readonly value?: Uint8Array
  readonly invalid?: string
  /** With `invalid`: see `InvalidEntry.id`. Without it, and no value: that raw key is gone. */
  readonly id?: string
  /** With `invalid`: `key` is the whole key, not an approximation of it as text. */
  readonly isNamed?: boolean
  /** Of a source that merges commits: other values may have come and gone before this one. */
  readonly merged?: true
  /** Of a source that merges commits: the value that is held, written again. */
  readonly touched?: true
}

/** Updates that the cache applies as one version. */
export interface Chunk {
  readonly updates: readonly Update[]
  /** The highest revision in it. */
  readonly revision: Revision
  /** False inside a commit that is larger than a chunk: the version is then not complete. */
  readonly whole: boolean
}

/**
 * Cuts commits into chunks of at most `updatesMax` updates, lazily.
 *
 * A chunk ends where a commit ends; only a commit that is larger than a chunk is cut, stands alone,
 * and is whole with its last chunk. Nothing is merged or left out, also not a put that the next
 * commit deletes: each leaves its mark in the trie. Source: Typha's snapcache batching, less its
 * overshoot.
 */
export function* chunksOf(commits: Iterable<Commit>, updatesMax: number): Generator<Chunk> {
  assert(updatesMax >= 1, "a chunk holds at least one update")
  let updates: Update[] = []
  let revision = 0
  for (const commit of commits) {
    const more = updatesOf(commit)
    if (revision > 0 && updates.length + more.length > updatesMax) {
      yield { updates, revision, whole: true }
      updates = []
    }
    revision = commit.revision
    if (more.length <= updatesMax) {
      updates.push(...more)
      continue
    }
    let start = 0
    for (; start + updatesMax < more.length; start += updatesMax) {
      yield { updates: more.slice(start, start + updatesMax), revision, whole: false }
    }
    yield { updates: more.slice(start), revision, whole: true }
    revision = 0
  }
  if (revision > 0) yield { updates, revision, whole: true }
}

function updatesOf(commit: Commit): Update[] {
  const { revision } = commit
  const updates: Update[] = commit.changes.map((change) =>
    change.op === "put"
      ? { key: change.key, revision, value: change.value }
      : { key: change.key, revision },
  )
  for (const delta of commit.deltas ?? []) updates.push(updateOf(delta))
  for (const { key, reason, exact, id } of commit.invalid ?? []) {
    const named = { ...(exact && { isNamed: true }), ...(id !== undefined && { id }) }
    updates.push({ key, revision, invalid: reason, ...named })
  }
  for (const id of commit.gone ?? []) updates.push({ key: "", revision, id })
  return updates
}

function updateOf(delta: Delta): Update {
  const { key, revision } = delta
  if (delta.op === "put") return { key, revision, value: delta.value, merged: true }
  return delta.op === "touch" ? { key, revision, touched: true } : { key, revision }
}

/**
 * Writes out the commits that a source merged, as far as it can be known.
 *
 * A touch gets the value that it is of. A put of the value that is held is preceded by a delete, so
 * that the trie takes it for another value: between the two there may have been one that a reader
 * from another hub holds, which must be sent the value and not a touch.
 *
 * @param held the value of a key before all of this.
 * @throws {SourceError} a touch of a key that is not held: the source assumes another state.
 */
export function unmerged(
  updates: readonly Update[],
  held: (key: string) => Uint8Array | undefined,
): readonly Update[] {
  if (!updates.some(({ merged, touched }) => merged || touched)) return updates
  const written = new Map<string, Uint8Array | undefined>()
  const latest = (key: string) => (written.has(key) ? written.get(key) : held(key))
  return updates.flatMap((update) => {
    const { key, revision, merged, touched } = update
    const before = merged || touched ? latest(key) : undefined
    const value = touched ? before : update.value
    if (touched && value === undefined) {
      throw new SourceError(`a touch of ${JSON.stringify(key)}, which is not held`)
    }
    written.set(key, value)
    if (value === undefined) return [update]
    const put = { key, revision, value }
    return merged && before && hasSameBytes(before, value) ? [{ key, revision }, put] : [put]
  })
}

function hasSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}
