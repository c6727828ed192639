import type { Change, Commit, Entry } from "@headwater/core"

/** An integer from 0 to below the bound. */
export type Below = (bound: number) => number

/** The entries that a hub or a reader holds. */
export type State = ReadonlyMap<string, { readonly value: unknown; readonly revision: number }>

/** A value that the validator of every hub refuses. */
export const INVALID = "bad"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A change of one key: a JSON value, or nothing. */
export function changeOf(key: string, value: unknown): Change {
  if (value === undefined) return { op: "delete", key }
  return { op: "put", key, value: encoder.encode(JSON.stringify(value)) }
}

/** A source: its commits, the state after each, and what it answers. */
export class History {
  readonly #commits: Commit[] = []
  #head: number

  constructor(head: number) {
    this.#head = head
  }

  /** The present revision. */
  get head(): number {
    return this.#head
  }

  /** Adds a commit; without changes it is one outside the prefix, which no hub here sees. */
  commit(changes: readonly Change[]): void {
    this.#head++
    if (changes.length > 0) this.#commits.push({ revision: this.#head, changes })
  }

  /** A few keys, perhaps to the values that they have. */
  commitAny(keys: readonly string[], below: Below): void {
    const chosen = new Set<string>()
    if (below(6) > 0) {
      for (let count = 1 + below(3); count > 0; count--) chosen.add(keys[below(keys.length)] ?? "")
    }
    this.commit(
      [...chosen].map((key) => {
        const kind = below(8)
        return changeOf(key, kind < 3 ? undefined : kind === 7 ? INVALID : below(2))
      }),
    )
  }

  /** The state that a reader at a revision must hold. */
  stateAt(revision: number): State {
    const state = new Map<string, { value: unknown; revision: number }>()
    for (const entry of this.listAt(revision)) {
      const value = JSON.parse(decoder.decode(entry.value)) as unknown
      if (value !== INVALID) state.set(entry.key, { value, revision: entry.revision })
    }
    return state
  }

  /** The entries of a list, invalid values included. */
  listAt(revision: number): Entry[] {
    const entries = new Map<string, Entry>()
    for (const commit of this.#commits) {
      if (commit.revision > revision) break
      for (const change of commit.changes) {
        if (change.op === "delete") entries.delete(change.key)
        else entries.set(change.key, { ...change, revision: commit.revision })
      }
    }
    return [...entries.values()]
  }

  /** The commits of a watch. */
  between(after: number, upTo: number): Commit[] {
    return this.#commits.filter(({ revision }) => revision > after && revision <= upTo)
  }
}
