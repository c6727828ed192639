import type { Position, Revision } from "@headwater/core"

/** What a replica holds under a key. Never mutated. */
export interface ReplicaEntry<Value = unknown> {
  readonly key: string
  /** Parsed JSON for topics of `json`, a string for `text`, a `Uint8Array` for `binary`. */
  readonly value: Value
  readonly revision: Revision
}

/**
 * What a replica held at one position; immutable.
 *
 * The newest one reads the replica's own map. When the replica moves on, the one before keeps what
 * the step replaced, and a link to its successor; it looks through these first. So taking a
 * snapshot costs nothing, a step costs O(changes) for the newest one taken, and nobody pays for
 * those that were dropped, as links point forward only. Reading costs O(steps since): read soon, or
 * copy.
 *
 * Source: Baker, "Shallow Binding Makes Functional Arrays Fast", 1991.
 */
export class ReplicaSnapshot<Value = unknown> {
  /** Undefined before the first whole state. */
  readonly position: Position | undefined
  /** How many entries there are. */
  readonly size: number
  // What stood under the keys that the step to the next one replaced; all there is while there is
  // no next one.
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

  /** Tells whether there is an entry under a key. */
  has(key: string): boolean {
    return !!this.getEntry(key)
  }

  /** All entries, in no promised order. O(size), at the call: it may be read at any pace. */
  entries(): IterableIterator<ReplicaEntry<Value>> {
    const entries = new Map<string, ReplicaEntry<Value> | undefined>()
    // The first step to replace a key knows what stood there.
    for (let at: ReplicaSnapshot<Value> | undefined = this; at; at = at.#next) {
      for (const [key, entry] of at.#layer) if (!entries.has(key)) entries.set(key, entry)
    }
    return [...entries.values()].filter((entry) => !!entry).values()
  }

  /**
   * Makes the snapshot of the state after a step.
   *
   * @param replaced what stood under each key that the step changed, before.
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
