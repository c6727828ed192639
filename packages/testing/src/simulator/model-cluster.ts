import type { Change, Commit, Entry, Revision } from "@headwater/core"

/** The entries at one revision, by key. */
export type ModelState = ReadonlyMap<string, Entry>

/**
 * The truth of a simulation: a store that keeps every state it ever had, each whole, so that it is
 * right because there is nothing in it that could be wrong. For small states and short histories.
 *
 * Being compacted changes what it answers to those who ask, not what it knows.
 */
export class ModelCluster {
  readonly identity: string
  /** Reads of revisions below it, and watches from it or below, are refused. */
  compacted: Revision = 1
  readonly #states: ModelState[]
  readonly #commits: Commit[]

  /** @param past another cluster, and how much of its history this one was restored from. */
  constructor(identity: string, past?: { cluster: ModelCluster; revision: Revision }) {
    this.identity = identity
    // Revision 1 is the empty state; 0 is none, and there so that indices are revisions.
    const kept = past?.revision ?? 1
    const first: ModelState = new Map()
    this.#states = past ? past.cluster.#states.slice(0, kept + 1) : [first, first]
    this.#commits = past ? past.cluster.#commits.slice(0, kept - 1) : []
  }

  get revision(): Revision {
    return this.#states.length - 1
  }

  /** The state at a revision that was reached, compacted or not. */
  stateAt(revision: Revision): ModelState {
    const state = this.#states[revision]
    if (state === undefined) throw new RangeError(`revision ${revision} never was`)
    return state
  }

  /** Every commit from `from` on. */
  commitsFrom(from: Revision): readonly Commit[] {
    return this.#commits.slice(Math.max(0, from - 2))
  }

  /** All at one revision. Deletes of what is not there change nothing, as in etcd. */
  commit(changes: readonly Change[]): Revision {
    const state = new Map(this.stateAt(this.revision))
    const effective = changes.filter(({ op, key }) => op === "put" || state.has(key))
    if (effective.length === 0) return this.revision
    const revision = this.revision + 1
    for (const change of effective) {
      const { key } = change
      if (change.op === "put") state.set(key, { key, value: change.value, revision })
      else state.delete(key)
    }
    this.#states.push(state)
    this.#commits.push({ revision, changes: effective })
    return revision
  }

  /** Deletes what is under a directory, and does not tell what that was, as etcd v2 does. */
  deleteDirectory(name: string): Revision {
    const before = this.stateAt(this.revision)
    const isIn = (key: string) => key === name || key.startsWith(`${name}/`)
    const state = new Map([...before].filter(([key]) => !isIn(key)))
    if (state.size === before.size) return this.revision
    const revision = this.revision + 1
    this.#states.push(state)
    this.#commits.push({ revision, directories: [name], changes: [] })
    return revision
  }

  /** Refuses what lies before `revision` from now on. */
  compact(revision: Revision): void {
    this.compacted = Math.max(this.compacted, Math.min(revision, this.revision))
  }
}
