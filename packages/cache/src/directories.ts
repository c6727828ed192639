import { assert, type Commit } from "@headwater/core"
import type { Engine, Trie } from "@headwater/core/engine"

/** What is asked which keys a directory holds: a `Life`. */
export interface Shelf {
  readonly engine: Engine
  readonly trie: Trie
  readonly resyncing: boolean
  /** Keys that are absent because their values are invalid. */
  readonly screen: { keysIn(directories: readonly string[]): readonly string[] }
}

/**
 * The commits, with every key of the directories that the first of them deletes named as a delete.
 * Only the first may delete any: see `runsOf`.
 *
 * What is in a directory is what the trie holds: the state of the revision before, as all was told
 * up to there, and whatever a list that was given up left, of which the watch will tell again. So
 * no marks of deleted paths are kept. Cost: a walk over all entries.
 *
 * Source: libcalico's high-water marks (`StoreDeletion`), without its second trie.
 */
export function namingAll(commits: readonly Commit[], life: Shelf): readonly Commit[] {
  const [first, ...others] = commits
  if (first?.directories === undefined) return commits
  assert(!life.resyncing, "a directory is deleted when no list is running")
  const directories = first.directories.map(withoutSlash)
  const keys = [...keysIn(directories, life), ...life.screen.keysIn(directories)]
  const deletes = [...new Set(keys)].map((key) => ({ op: "delete", key }) as const)
  return [{ ...first, changes: [...deletes, ...first.changes] }, ...others]
}

/** Cuts commits into runs: each that deletes a directory begins one, all before it applied. */
export function runsOf(commits: readonly Commit[]): readonly (readonly Commit[])[] {
  const runs: Commit[][] = []
  for (const commit of commits) {
    if (runs.length === 0 || commit.directories !== undefined) runs.push([commit])
    else runs.at(-1)?.push(commit)
  }
  return runs
}

/** Whether a key is one of the directories, or lies in one of them. */
export function isIn(directories: readonly string[], key: string): boolean {
  return directories.some((name) => name === "" || key === name || key.startsWith(`${name}/`))
}

function withoutSlash(name: string): string {
  return name.replace(/\/+$/, "")
}

function keysIn(directories: readonly string[], { engine, trie }: Shelf): string[] {
  const isAll = directories.includes("")
  const prefixes = directories.map((name) => `${name}/`)
  const filter = isAll ? undefined : engine.filter({ prefixes, keys: directories })
  const snapshot = trie.snapshot()
  try {
    return Array.from(snapshot.entries(filter), ({ key }) => key)
  } finally {
    snapshot.dispose()
    filter?.dispose()
  }
}
