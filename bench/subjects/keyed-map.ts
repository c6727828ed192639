/** Entries by number, so that no program has to hold them all. */
export interface Feed {
  readonly keyAt: (index: number) => string
  readonly valueAt: (index: number) => Uint8Array
}

/**
 * A map of keys to values with revisions, as one subject keeps it: the same jobs done with each
 * library as its own documentation would do them.
 *
 * Every subject holds the same facts, a value's bytes and its revision. A write that "is followed
 * by a snapshot" leaves the state before it readable; the newest ten such states are kept.
 */
export interface KeyedMap {
  /** Entries now. */
  readonly size: number
  /** Puts entries 0 to below `count` into an empty map, as one batch. */
  fill(count: number, feed: Feed): void
  /** The value of the newest snapshot. */
  get(key: string): Uint8Array | undefined
  /** One write, followed by a snapshot. */
  put(key: string, value: Uint8Array): void
  /** Writes entries `from` to below `to` of a feed as one batch, followed by a snapshot. */
  putMany(from: number, to: number, feed: Feed): void
  /** One deletion, followed by a snapshot. */
  delete(key: string): void
  /** Takes a snapshot and lets go of it. */
  takeSnapshot(): void
  /** Does what was put off: freeing, sweeping. */
  settle(): void
  /** Reads everything, keys as strings and values as bytes, and returns the amount. */
  readAll(): Amount
  /**
   * Encodes everything as wire JSON in frames of about 64 KiB, drops them, and returns the amount.
   */
  encodeAll(): Amount
  /** The value in the oldest of the states that are kept; absent where no states are kept. */
  getOldest?(key: string): Uint8Array | undefined
  /** Marks the present state for `changesSince`; absent where no states are kept. */
  mark?(): unknown
  /** Counts the keys that differ between a marked state and now, and releases the mark. */
  changesSince?(mark: unknown): number
  /** Bytes in use beyond those of an empty one, where the library reports them. */
  liveBytes?(): number
  /** Lets go of the states that are kept. */
  forgetStates(): void
  dispose(): void
}

/** An amount that was read: entries and bytes. */
export interface Amount {
  readonly entries: number
  readonly bytes: number
}

/** The record that the JavaScript subjects keep for a key. */
export interface Held {
  readonly value: Uint8Array
  readonly revision: number
}

/** Number of states that are kept readable. */
export const STATES_KEPT = 10
