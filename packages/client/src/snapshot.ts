import type { Position, Revision } from "@headwater/core"

/** An entry of a replica. Never mutated. */
export interface ReplicaEntry<Value = unknown> {
  readonly key: string
  /** Parsed JSON for topics of `json`, a string for `text`, a `Uint8Array` for `binary`. */
  readonly value: Value
  readonly revision: Revision
}

/**
 * The state of a replica at one position; immutable.
 *
 * The newest one reads the replica's own map. When the replica moves on, the one before keeps what
 * the step replaced, and a link to its successor; it looks through these first. So taking a
 * snapshot costs nothing, a step costs O(changes) for the newest one taken, and nothing is paid for
 * those that were dropped, as links point forward only. Reading costs O(steps since): read soon, or
 * copy.
 *
 * Source: Baker, "Shallow Binding Makes Functional Arrays Fast", 1991.
 */
export class ReplicaSnapshot<Value = unknown> {
  /** Undefined before the first whole state. */
  readonly position: Position | undefined
  /** The number of entries. */
  readonly size: number
  // The entries that the step to the next snapshot replaced; all of them while there is no next
  // one.
  #layer: ReadonlyMap<string, ReplicaEntry<Value> | undefined>
  #next: ReplicaSnapshot<Value> | undefined

  /** @param entries the replica's own map, which it may change before it calls `next`. */
  constructor(position: Position | undefined, entries: ReadonlyMap<string, ReplicaEntry<Value>>) {
    this.position = position
    this.size = entries.size
    this.#layer = entries
  }

  /** The value under a key, or `undefined`. */
  get(key: string): Value | undefined {
    return this.getEntry(key)?.value
  }

  /** The entry under a key, or `undefined`. */
  getEntry(key: string): ReplicaEntry<Value> | undefined {
    let at: ReplicaSnapshot<Value> = this
    while (at.#next && !at.#layer.has(key)) at = at.#next
    return at.#layer.get(key)
  }

  /** True when there is an entry under a key. */
  has(key: string): boolean {
    return !!this.getEntry(key)
  }

  /** All entries, in no promised order. O(size), at the call: it may be read at any pace. */
  entries(): IterableIterator<ReplicaEntry<Value>> {
    const entries = new Map<string, ReplicaEntry<Value> | undefined>()
    // The first step that replaced a key has the entry of this snapshot.
    for (let at: ReplicaSnapshot<Value> | undefined = this; at; at = at.#next) {
      for (const [key, entry] of at.#layer) if (!entries.has(key)) entries.set(key, entry)
    }
    return [...entries.values()].filter((entry) => !!entry).values()
  }

  /**
   * Makes the snapshot of the state after a step.
   *
   * @param replaced the keys that the step changed, each with its entry before.
   */
  next(
    position: Position | undefined,
    entries: ReadonlyMap<string, ReplicaEntry<Value>>,
    replaced: ReadonlyMap<string, ReplicaEntry<Value> | undefined>,
  ): ReplicaSnapshot<Value> {
    this.#layer = replaced
    this.#next = new ReplicaSnapshot(position, entries)
    return this.#next
  }
}
