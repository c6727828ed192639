import type { InvalidEntry } from "@headwater/core"

/** A longer key stands for itself by its start and its length. */
const NAME_CHARS_MAX = 4_096

/**
 * The keys of the source that are absent because they are invalid, and why.
 *
 * Remembers `keysMax` of them; more are only counted, and uncounted by the next resync. The count
 * is exact below the bound.
 */
export class InvalidKeys {
  readonly #keysMax: number
  #reasons = new Map<string, string>()
  #uncounted = 0

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  /** Invalid keys, and beyond the bound invalid writes. */
  get count(): number {
    return this.#reasons.size + this.#uncounted
  }

  /** Those that are remembered; a longer one than fits as it is called here. */
  get keys(): readonly string[] {
    return [...this.#reasons.keys()]
  }

  /** Whether the key is remembered as invalid. */
  has(key: string): boolean {
    return this.#reasons.has(nameOf(key))
  }

  /** Notes that the key is invalid now. */
  add(key: string, reason: string): void {
    const name = nameOf(key)
    if (this.#reasons.has(name) || this.#reasons.size < this.#keysMax) {
      this.#reasons.set(name, reason)
    } else this.#uncounted++
  }

  /** Notes that the key is valid or gone. */
  clear(key: string): void {
    if (this.#reasons.size > 0) this.#reasons.delete(nameOf(key))
  }

  /** All that are remembered, whole. */
  get all(): InvalidEntry[] {
    return [...this.#reasons].map(([key, reason]) => ({ key, reason }))
  }

  /** The first `countMax` of them. Keys are cut to 200 characters. */
  sample(countMax: number): InvalidEntry[] {
    const sample: InvalidEntry[] = []
    for (const [key, reason] of this.#reasons) {
      if (sample.length === countMax) break
      sample.push({ key: key.slice(0, 200), reason })
    }
    return sample
  }
}

function nameOf(key: string): string {
  return key.length <= NAME_CHARS_MAX ? key : `${key.slice(0, NAME_CHARS_MAX)}…${key.length}`
}
