import type { Entry } from "@headwater/core"
import type { Place, SnapshotWalk, TrieUpdate } from "@headwater/core/engine"
import type { ModelLeaf } from "./model-leaf.ts"
import { placesOf } from "./model-walk.ts"
import type { Rules } from "./rules.ts"

type Leaves = Map<string, ModelLeaf>
type TrieRules = Pick<Rules, "valueBirths" | "slotOrder" | "horizonFirst" | "versionBirths">

const decoder = new TextDecoder()
const encoder = new TextEncoder()

/**
 * The trie as `design` has it, as a map of leaves with births, and so small that its rules can be
 * switched off. As much of `Trie` as a life calls.
 */
export class ModelTrie {
  readonly #rules: TrieRules
  readonly #hashOf: (key: string) => number
  #base: ModelSnapshot
  #open: Leaves = new Map()
  #seen: Set<string> | undefined
  #horizon = 0
  #isDirty = false

  constructor(rules: TrieRules, hashOf: (key: string) => number) {
    this.#rules = rules
    this.#hashOf = hashOf
    this.#base = new ModelSnapshot(rules, this.#open, { version: 0, reach: 0 })
  }

  get version(): number {
    return this.#base.version
  }

  get horizon(): number {
    return this.#horizon
  }

  get dirty(): boolean {
    return this.#isDirty
  }

  /** Another trie with the same versions, as an image brings it. */
  load(snapshot: ModelSnapshot): ModelTrie {
    const trie = new ModelTrie(this.#rules, this.#hashOf)
    trie.#base = snapshot
    trie.#open = new Map(snapshot.leaves)
    trie.#horizon = this.#horizon
    return trie
  }

  has(key: string): boolean {
    return this.#open.get(key)?.value !== undefined
  }

  apply(updates: readonly TrieUpdate[]): void {
    for (const update of updates) {
      const value = update.op === "put" ? decoder.decode(update.value) : undefined
      this.#write(update.key, value, update.revision)
    }
  }

  beginResync(): void {
    this.#seen = new Set()
  }

  applyListed(entries: readonly Entry[]): void {
    for (const { key, value, revision } of entries) {
      this.#seen?.add(key)
      if ((this.#open.get(key)?.revision ?? 0) >= revision) continue
      this.#write(key, decoder.decode(value), revision)
    }
  }

  sweepUnseen(revision: number): boolean {
    for (const { key, value } of [...this.#open.values()]) {
      if (value !== undefined && this.#seen?.has(key) === false) {
        this.#write(key, undefined, revision)
      }
    }
    return true
  }

  endResync(): void {
    this.#seen = undefined
  }

  commit({ reach }: { readonly reach: number }): ModelSnapshot {
    const of = { version: this.version + 1, reach }
    this.#base = new ModelSnapshot(this.#rules, this.#open, of)
    this.#open = new Map(this.#open)
    this.#isDirty = false
    return this.#base
  }

  snapshot(): ModelSnapshot {
    return this.#base
  }

  sweep(horizon: number, { entriesMax }: { readonly entriesMax: number }): boolean {
    const until = Math.max(this.#horizon, Math.min(horizon, this.version))
    if (this.#rules.horizonFirst) this.#horizon = until
    const swept = [...this.#open.values()]
      .filter(({ value, birth }) => value === undefined && birth <= until)
      .sort((a, b) => a.birth - b.birth)
      .slice(0, entriesMax)
    for (const { key } of swept) {
      this.#open.delete(key)
      if (!this.#rules.versionBirths) this.#base.leaves.delete(key)
    }
    if (swept.length > 0 && this.#rules.versionBirths) this.commit(this.#base)
    const isDone = swept.length < entriesMax
    if (isDone) this.#horizon = until
    return isDone
  }

  #write(key: string, value: string | undefined, revision: number): void {
    const old = this.#open.get(key)
    const birth = this.version + 1
    const isTouch = value !== undefined && old?.value === value
    // Without a birth of its own the value passes for as old as any.
    const held = this.#rules.valueBirths ? (old?.valueBirth ?? 0) : 0
    const valueBirth = isTouch ? held : birth
    this.#open.set(key, { key, hash: this.#hashOf(key), revision, value, birth, valueBirth })
    this.#seen?.add(key)
    this.#isDirty = true
  }
}

/** One version. As much of `Snapshot` as hub and reader call. */
export class ModelSnapshot {
  readonly version: number
  readonly reach: number
  readonly leaves: Leaves
  readonly #rules: TrieRules

  constructor(
    rules: TrieRules,
    leaves: Leaves,
    of: { readonly version: number; readonly reach: number },
  ) {
    this.#rules = rules
    this.leaves = leaves
    this.version = of.version
    this.reach = of.reach
  }

  get size(): number {
    return this.#live().length
  }

  get digest(): string {
    return modelDigest(this.#live())
  }

  retain(): this {
    return this
  }

  dispose(): void {}

  /** A slice of at most `visitsMax` leaves; leaves of one hash stay together. */
  walk({ since, after, visitsMax = 20_000 }: SnapshotWalk): {
    body: Uint8Array
    ended: boolean
    place: Place
  } {
    const places = placesOf(
      this.leaves.values(),
      this.#rules,
      after?.started ? after.hash : undefined,
    )
    const changes: string[] = []
    let place = after ?? { hash: 0, skip: 0, version: this.version, started: false }
    let visits = 0
    for (const { hash, leaves } of places) {
      if (visits >= visitsMax) return { body: bodyOf(changes), ended: false, place }
      for (const leaf of leaves) {
        const change = changeSince(leaf, since)
        if (change !== undefined) changes.push(change)
        visits++
      }
      place = { hash, skip: 0, version: this.version, started: true }
    }
    return { body: bodyOf(changes), ended: true, place }
  }

  #live(): ModelLeaf[] {
    return [...this.leaves.values()].filter(({ value }) => value !== undefined)
  }
}

/** The whole state as text: a hub and a reader of the model compare it in place of a digest. */
export function modelDigest(
  entries: Iterable<{ readonly key: string; readonly revision: number }>,
): string {
  return [...entries]
    .map(({ key, revision }) => `${key}@${revision}`)
    .sort()
    .join()
}

function bodyOf(changes: readonly string[]): Uint8Array {
  return encoder.encode(changes.join())
}

function changeSince(leaf: ModelLeaf, since: number): string | undefined {
  const { key, value, revision, birth, valueBirth } = leaf
  if (birth <= since) return undefined
  const rest = `"key":"${key}","revision":${revision}`
  if (since === 0) return value === undefined ? undefined : `{${rest},"value":${value}}`
  if (value === undefined) return `{"op":"delete",${rest}}`
  if (valueBirth <= since) return `{"op":"touch",${rest}}`
  return `{"op":"put",${rest},"value":${value}}`
}
