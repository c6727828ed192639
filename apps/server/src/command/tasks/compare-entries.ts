import { isSameBytes } from "./same-bytes.ts"

/** A value of one side, and the revision that wrote it where that is known. */
export interface ComparedEntry {
  readonly value: Uint8Array
  readonly revision: number | undefined
}

/** The entries of one side, by key. */
export type ComparedEntries = ReadonlyMap<string, ComparedEntry>

/** A key at which two sides differ; a side without the entry is `undefined`. */
export interface EntryDifference {
  readonly key: string
  readonly a: ComparedEntry | undefined
  readonly b: ComparedEntry | undefined
}

/**
 * Finds the keys at which two sides differ, sorted. Values count.
 *
 * @param comparesRevisions both sides are of one epoch, where a revision has one meaning.
 */
export function compareEntries(
  a: ComparedEntries,
  b: ComparedEntries,
  comparesRevisions: boolean,
): EntryDifference[] {
  const differences: EntryDifference[] = []
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [left, right] = [a.get(key), b.get(key)]
    const isSame =
      left !== undefined &&
      right !== undefined &&
      isSameBytes(left.value, right.value) &&
      (!comparesRevisions || left.revision === right.revision)
    if (!isSame) differences.push({ key, a: left, b: right })
  }
  return differences.sort((one, other) => (one.key < other.key ? -1 : 1))
}
