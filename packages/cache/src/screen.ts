import { type Entry, type InvalidEntry, KEY_BYTES_MAX } from "@headwater/core"
import type { TrieUpdate } from "@headwater/core/engine"
import type { Update } from "./batch.ts"
import { isIn } from "./directories.ts"
import { InvalidKeys } from "./invalid-keys.ts"
import { type CacheLimits, INVALID_SAMPLE_MAX } from "./limits.ts"

/** Says why a value cannot be shown under a key, or nothing. Pure, and part of the epoch. */
export type Validator = (key: string, value: Uint8Array) => string | undefined

/**
 * Keeps out what cannot be shown, and counts it.
 *
 * An invalid entry is absent: in a list it is left out, so that the resync deletes what was there;
 * in a commit it is a delete at that commit's revision. Either way it blocks nothing, and the
 * report names it. The delete is left out only when the key is absent already, so that a key that
 * is written wrongly again and again leaves one tombstone, not many.
 *
 * What is noted of a chunk counts only once the trie took it: `settle` or `forget`.
 */
export class Screen {
  readonly #validate: Validator | undefined
  readonly #limits: Pick<CacheLimits, "invalidKeysMax" | "valueBytesMax">
  #known: InvalidKeys
  #listed: InvalidKeys | undefined
  #staged = new Map<string, string | undefined>()
  /** Keys that commits told of beside the list: what it says of them is older. */
  #besideList = new Set<string>()

  constructor(
    validate: Validator | undefined,
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

  /** A few of them. */
  get sample(): readonly InvalidEntry[] {
    return this.#known.sample(INVALID_SAMPLE_MAX)
  }

  /** Those of them that lie in one of the directories, as far as they are remembered. */
  keysIn(directories: readonly string[]): string[] {
    return this.#known.keys.filter((key) => isIn(directories, key))
  }

  /** All that are remembered, for an image. */
  get all(): readonly InvalidEntry[] {
    return this.#known.all
  }

  /** What an image remembers. */
  restore(invalid: readonly InvalidEntry[]): void {
    for (const { key, reason } of invalid) this.#known.add(key, reason)
  }

  /** A list begins: what is found invalid from here on replaces what was known, at `endList`. */
  beginList(): void {
    this.#listed = new InvalidKeys(this.#limits.invalidKeysMax)
    this.#besideList.clear()
  }

  /** The list is whole. */
  endList(): void {
    if (this.#listed !== undefined) this.#known = this.#listed
    this.abortList()
  }

  /** The list is given up: what was known before it holds on. */
  abortList(): void {
    this.#listed = undefined
    this.#besideList.clear()
  }

  /** The entries of a page that can be shown. */
  admitListed(entries: readonly Entry[], invalid: readonly InvalidEntry[]): Entry[] {
    const note = (key: string, reason: string) => {
      if (!this.#besideList.has(key)) this.#listed?.add(key, reason)
    }
    for (const { key, reason } of invalid) note(key, reason)
    return entries.filter(({ key, value }) => {
      const reason = this.#reasonAgainst(key, value)
      if (reason !== undefined) note(key, reason)
      return reason === undefined
    })
  }

  /**
   * What the trie is to do for a chunk.
   *
   * @param isAbsent whether the key is known not to be live in the trie, before this chunk.
   */
  admit(updates: readonly Update[], isAbsent: (key: string) => boolean): TrieUpdate[] {
    const admitted: TrieUpdate[] = []
    const written = new Map<string, TrieUpdate["op"]>()
    for (const { key, revision, value, invalid, isNamed } of updates) {
      const reason = invalid ?? (value === undefined ? undefined : this.#reasonAgainst(key, value))
      this.#staged.set(key, reason)
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

  /** The trie took the chunk. */
  settle(): void {
    for (const [key, reason] of this.#staged) {
      if (this.#listed !== undefined && this.#besideList.size < this.#limits.invalidKeysMax) {
        this.#besideList.add(key)
      }
      for (const keys of [this.#known, this.#listed]) {
        if (reason === undefined) keys?.clear(key)
        else keys?.add(key, reason)
      }
    }
    this.#staged.clear()
  }

  /** The trie did not take the chunk. */
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
      // One poisonous value is one entry less, not the end of the topic.
      return `its validation failed: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}

// A key that is not UTF-8 is told as text with U+FFFD in it, which may be another key's true name:
// that one must not be deleted for it, unless the source says that it is meant.
function canBeHeld(key: string, isNamed: boolean): boolean {
  if (key === "" || (!isNamed && key.includes("\ufffd"))) return false
  return isWellFormed(key) && !isLongerThan(key, KEY_BYTES_MAX)
}

function isWellFormed(text: string): boolean {
  // The first test is quick, and almost always enough.
  return !/[\ud800-\udfff]/.test(text) || !/\p{Surrogate}/u.test(text)
}

// A UTF-16 unit is at most 3 bytes of UTF-8, so most keys need no counting.
function isLongerThan(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return false
  if (text.length > bytesMax) return true
  return new TextEncoder().encode(text).byteLength > bytesMax
}
