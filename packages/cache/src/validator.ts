import {
  checkBytes,
  type Entry,
  type InvalidEntry,
  isLongerThan,
  isWellFormed,
  KEY_BYTES_MAX,
} from "@headwater/core"
import type { TrieUpdate } from "@headwater/core/engine"
import type { Update } from "./batch.ts"
import { isIn } from "./directories.ts"
import { InvalidKeys, identityOf } from "./invalid-keys.ts"
import { type CacheLimits, INVALID_SAMPLE_MAX } from "./limits.ts"

/** Returns why a value is invalid for a key, if it is. Pure, and part of the epoch. */
export type Validate = (key: string, value: Uint8Array) => string | undefined

/**
 * Keeps invalid entries out, and counts them.
 *
 * An invalid entry is absent: in a list it is left out, so that the resync deletes the key; in a
 * commit it is a delete at that commit's revision. Either way it blocks nothing, and the report
 * names it. The delete is left out only when the key is absent already, so that a key that
 * is written wrongly again and again leaves one tombstone, not many.
 *
 * Findings of a chunk count only once the trie took the chunk: `settle` or `forget`.
 */
export class Validator {
  readonly #validate: Validate | undefined
  readonly #limits: Pick<CacheLimits, "invalidKeysMax" | "valueBytesMax">
  #known: InvalidKeys
  #listed: InvalidKeys | undefined
  /** By identity. */
  #staged = new Map<string, InvalidEntry | undefined>()
  /** Keys of commits beside the list: the list's findings of them are older. */
  #besideList = new Set<string>()

  constructor(
    validate: Validate | undefined,
    limits: Pick<CacheLimits, "invalidKeysMax" | "valueBytesMax">,
  ) {
    this.#validate = validate
    this.#limits = limits
    this.#known = new InvalidKeys(limits.invalidKeysMax)
  }

  /** Entries of the source that are absent because they are invalid. */
  get count(): number {
    return this.#known.count
  }

  /** Up to 10 of them, for people. */
  get sample(): readonly InvalidEntry[] {
    return this.#known.sample(INVALID_SAMPLE_MAX)
  }

  /** Those of them that lie in one of the directories, as far as they are remembered. */
  entriesIn(directories: readonly string[]): InvalidEntry[] {
    return [...this.#known.entries].filter(({ key, id }) => isIn(directories, id ?? key))
  }

  /** All that are remembered, for an image. */
  get all(): readonly InvalidEntry[] {
    return [...this.#known.entries]
  }

  /** Adds the entries of an image. */
  restore(invalid: readonly InvalidEntry[]): void {
    for (const entry of invalid) this.#known.add(entry)
  }

  /** Begins a list: its findings replace those before it, at `endList`. */
  beginList(): void {
    this.#listed = new InvalidKeys(this.#limits.invalidKeysMax)
    this.#besideList.clear()
  }

  /** Ends the list. */
  endList(): void {
    if (this.#listed !== undefined) this.#known = this.#listed
    this.abortList()
  }

  /** Abandons the list: the findings before it stay. */
  abortList(): void {
    this.#listed = undefined
    this.#besideList.clear()
  }

  /**
   * Returns the valid entries of a page.
   *
   * @throws {ValueError} a value is not bytes.
   */
  admitListed(entries: readonly Entry[], invalid: readonly InvalidEntry[]): Entry[] {
    const note = (entry: InvalidEntry) => {
      if (!this.#besideList.has(identityOf(entry))) this.#listed?.add(entry)
    }
    for (const entry of invalid) note(entry)
    return entries.map(withBytes).filter(({ key, value }) => {
      const reason = this.#reasonAgainst(key, value)
      if (reason !== undefined) note({ key, reason })
      return reason === undefined
    })
  }

  /**
   * Returns the updates that the trie applies for a chunk.
   *
   * @param isAbsent returns true if the key is not live in the trie before this chunk.
   * @throws {ValueError} a value is not bytes.
   */
  admit(updates: readonly Update[], isAbsent: (key: string) => boolean): TrieUpdate[] {
    const admitted: TrieUpdate[] = []
    const written = new Map<string, TrieUpdate["op"]>()
    for (const { key, revision, value: given, invalid, isNamed, id } of updates) {
      const value = given === undefined ? undefined : bytesOf(key, given)
      const reason = invalid ?? (value === undefined ? undefined : this.#reasonAgainst(key, value))
      const entry = { key, ...(id !== undefined && { id }) }
      this.#staged.set(identityOf(entry), reason === undefined ? undefined : { ...entry, reason })
      if (reason === undefined && value !== undefined) {
        admitted.push({ op: "put", key, value, revision })
        written.set(key, "put")
      } else if (canBeHeld(key, invalid === undefined || isNamed === true)) {
        const before = written.get(key)
        const absent = before === undefined ? isAbsent(key) : before === "delete"
        if (reason !== undefined && absent) continue
        admitted.push({ op: "delete", key, revision })
        written.set(key, "delete")
      }
    }
    return admitted
  }

  /** Counts the findings of the chunk: the trie took it. */
  settle(): void {
    for (const [identity, entry] of this.#staged) {
      if (this.#listed !== undefined && this.#besideList.size < this.#limits.invalidKeysMax) {
        this.#besideList.add(identity)
      }
      for (const keys of [this.#known, this.#listed]) {
        if (entry === undefined) keys?.clear(identity)
        else keys?.add(entry)
      }
    }
    this.#staged.clear()
  }

  /** Drops the findings of the chunk: the trie did not take it. */
  forget(): void {
    this.#staged.clear()
  }

  #reasonAgainst(key: string, value: Uint8Array): string | undefined {
    if (key === "") return "the key is empty"
    if (!isWellFormed(key)) return "the key is not UTF-8"
    if (isLongerThan(key, KEY_BYTES_MAX)) return `the key is longer than ${KEY_BYTES_MAX} bytes`
    if (value.byteLength > this.#limits.valueBytesMax) {
      return `the value is larger than ${this.#limits.valueBytesMax} bytes`
    }
    try {
      return this.#validate?.(key, value)
    } catch (error) {
      // A validator that throws costs one entry, not the topic.
      return `its validation failed: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}

// A key that is not UTF-8 arrives as text with U+FFFD in it, which may be the true name of another
// key: that key must not be deleted, unless the source marks the entry as `exact`.
function canBeHeld(key: string, isNamed: boolean): boolean {
  if (key === "" || (!isNamed && key.includes("\ufffd"))) return false
  return isWellFormed(key) && !isLongerThan(key, KEY_BYTES_MAX)
}

function withBytes(entry: Entry): Entry {
  const value = bytesOf(entry.key, entry.value)
  return value === entry.value ? entry : { ...entry, value }
}

// The test comes first: nearly every value is a `Uint8Array`, and needs no name.
function bytesOf(key: string, value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : checkBytes(value, `the value of ${key.slice(0, 60)}`)
}
