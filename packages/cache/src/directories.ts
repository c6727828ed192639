import { assert, type Commit, type InvalidEntry, type Revision } from "@headwater/core"
import type { Engine, Place, Trie } from "@headwater/core/engine"
import { type Chunk, chunksOf, type Update } from "./batch.ts"

/** The parts of an `EpochState` that tell which keys a directory holds. */
export interface DirectoryContext {
  readonly engine: Engine
  readonly trie: Trie
  readonly resyncing: boolean
  /** Keys that are absent because their values are invalid. */
  readonly validator: { entriesIn(directories: readonly string[]): readonly InvalidEntry[] }
}

/**
 * Cuts commits into chunks, as `chunksOf` does, and takes apart those that delete directories: each
 * key that they hold is a delete. Such a commit stands alone, and is read after all commits before
 * it were applied.
 *
 * Yields `undefined` instead of a chunk where the search for keys can yield to other tasks: it
 * visits every entry, some thousand at a time.
 */
export function* chunksIn(
  commits: readonly Commit[],
  epochState: DirectoryContext,
  updatesMax: number,
): Generator<Chunk | undefined> {
  let waiting: Commit[] = []
  for (const commit of commits) {
    if (commit.directories === undefined) {
      waiting.push(commit)
      continue
    }
    yield* chunksOf(waiting, updatesMax)
    waiting = []
    yield* chunksOfDeletion(commit, commit.directories, epochState, updatesMax)
  }
  yield* chunksOf(waiting, updatesMax)
}

// The keys of a directory are those in the trie: the state of the revision before, and entries of
// abandoned lists, which the watch sends again. So no marks of deleted paths are kept. Source:
// libcalico's high-water marks (`StoreDeletion`), without its second trie.
function* chunksOfDeletion(
  commit: Commit,
  directories: readonly string[],
  epochState: DirectoryContext,
  updatesMax: number,
): Generator<Chunk | undefined> {
  assert(!epochState.resyncing, "a directory is deleted when no list is running")
  const { revision } = commit
  const names = directories.map(withoutSlash)
  const entries = epochState.validator.entriesIn(names)
  const invalid = new Set(entries.flatMap(({ key, id }) => (id === undefined ? [key] : [])))
  const gone = entries.flatMap(({ id }) => id ?? [])
  let deletes = updatesOf([...invalid], revision)
  for (const keys of keysIn(names, epochState)) {
    deletes.push(
      ...updatesOf(invalid.size > 0 ? keys.filter((key) => !invalid.has(key)) : keys, revision),
    )
    while (deletes.length > updatesMax) {
      yield { updates: deletes.slice(0, updatesMax), revision, whole: false }
      deletes = deletes.slice(updatesMax)
    }
    yield undefined
  }
  const changes = deletes.map(({ key }) => ({ op: "delete", key }) as const)
  const whole = { ...commit, changes: [...changes, ...commit.changes] }
  yield* chunksOf([{ ...whole, gone: [...gone, ...(commit.gone ?? [])] }], updatesMax)
}

function updatesOf(keys: readonly string[], revision: Revision): Update[] {
  return keys.map((key) => ({ key, revision }))
}

/** Returns true if a key is one of the directories, or lies in one of them. */
export function isIn(directories: readonly string[], key: string): boolean {
  return directories.some((name) => name === "" || key === name || key.startsWith(`${name}/`))
}

function withoutSlash(name: string): string {
  return name.replace(/\/+$/, "")
}

/** Nodes and leaves that one step of a walk visits, and bytes that it decodes: about 0.5 ms. */
const VISITS_MAX = 5_000
const STEP_BYTES = 32_768

// Step by step, some of them without a key, over the version that is newest when it begins.
function* keysIn(
  directories: readonly string[],
  { engine, trie }: DirectoryContext,
): Generator<readonly string[]> {
  const isAll = directories.includes("")
  const prefixes = directories.map((name) => `${name}/`)
  const filter = isAll ? undefined : engine.filter({ prefixes, keys: directories })
  const snapshot = trie.snapshot()
  const request = { since: 0, bytesMax: STEP_BYTES, visitsMax: VISITS_MAX, filter } as const
  try {
    let after: Place | undefined
    for (let ended = false; !ended; ) {
      const step = snapshot.slice({ ...request, after })
      ended = step.ended
      after = step.place
      yield step.deltas.map(({ key }) => key)
    }
  } finally {
    snapshot.dispose()
    filter?.dispose()
  }
}
