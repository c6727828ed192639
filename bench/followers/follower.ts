/** A program that keeps a copy of a source's entries, in the process that is measured. */
export interface Follower {
  /** Starts from nothing. Resolves once it holds everything and is in sync. */
  start(): Promise<void>
  /** Number of entries that it holds. */
  size(): number
  /** The value of a key, as text. */
  get(key: string): string | undefined
  /** Resolves at the next change of what it holds. */
  changed(): Promise<void>
  /** Writes to the source, past the copy. */
  put(key: string, value: string): Promise<void>
}

/** Resolves once it holds this value of this key. */
export async function untilHeld(follower: Follower, key: string, value: string): Promise<void> {
  while (follower.get(key) !== value) await follower.changed()
}
