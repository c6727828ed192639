import { SourceError } from "@headwater/core"
import type { Update } from "./batch.ts"

/**
 * Writes out what a source that merges commits leaves to be known.
 *
 * A touch gets the value that it is of. A put of the value that is held is preceded by a delete, so
 * that the trie takes it for another value: between the two there may have been one that a reader
 * from another hub holds, who must be told the value and not a touch.
 *
 * @param held the value of a key before all of this.
 * @throws {SourceError} a touch of what is not held: what is held is not what the source thinks.
 */
export function unmerged(
  updates: readonly Update[],
  held: (key: string) => Uint8Array | undefined,
): readonly Update[] {
  if (!updates.some(({ merged, touched }) => merged || touched)) return updates
  const written = new Map<string, Uint8Array | undefined>()
  const latest = (key: string) => (written.has(key) ? written.get(key) : held(key))
  return updates.flatMap((update) => {
    const { key, revision, merged, touched } = update
    const before = merged || touched ? latest(key) : undefined
    const value = touched ? before : update.value
    if (touched && value === undefined) {
      throw new SourceError(`a touch of ${JSON.stringify(key)}, which is not held`)
    }
    written.set(key, value)
    if (value === undefined) return [update]
    const put = { key, revision, value }
    return merged && before && isSame(before, value) ? [{ key, revision }, put] : [put]
  })
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}
