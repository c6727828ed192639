/** Where entries come from: by number, so that nobody has to hold them all. */
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
  /** Reads all of it, keys as strings and values as bytes, and tells how much there was. */
  readAll(): Amount
  /**
   * All of it as wire JSON in frames of about 64 KiB, made and dropped; tells how much there was.
   */
  encodeAll(): Amount
  /** The value in the oldest of the states that are kept; absent where no states are kept. */
  getOldest?(key: string): Uint8Array | undefined
  /** Notes the present state, from which `changesSince` tells; absent where no states are kept. */
  mark?(): unknown
  /** How many keys differ between a marked state and now, and lets go of the mark. */
  changesSince?(mark: unknown): number
  /** Bytes in use beyond those of an empty one, where the library can tell. */
  liveBytes?(): number
  /** Lets go of the states that are kept. */
  forgetStates(): void
  dispose(): void
}

/** What was read: entries and bytes. */
export interface Amount {
  readonly entries: number
  readonly bytes: number
}

/** What the JavaScript subjects keep for a key. */
export interface Held {
  readonly value: Uint8Array
  readonly revision: number
}

/** How many states are kept readable. */
export const STATES_KEPT = 10
