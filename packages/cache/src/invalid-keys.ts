import type { InvalidEntry } from "@headwater/core"

/** A longer key is known by its start and a hash. */
const KEY_CHARS_MAX = 4_200
const START_CHARS = 4_096
/** Keys that are remembered without a reason, for each that is remembered with one. */
const COUNTED_PER_NAMED = 16

/** The identity under which an entry is counted: two raw keys may be the same as text. */
export function identityOf({ key, id }: Pick<InvalidEntry, "key" | "id">): string {
  return id === undefined ? `key ${cut(key)}` : `raw ${cut(id)}`
}

/**
 * The keys of the source that are absent because they are invalid, and why.
 *
 * Remembers `keysMax` of them with their reasons, and sixteen times as many by a hash, which only
 * counts. Beyond that a key is not counted: the count is then too low until the next resync.
 */
export class InvalidKeys {
  readonly #keysMax: number
  #entries = new Map<string, InvalidEntry>()
  #counted = new Set<number>()

  constructor(keysMax: number) {
    this.#keysMax = keysMax
  }

  /** Distinct invalid keys. */
  get count(): number {
    return this.#entries.size + this.#counted.size
  }

  /** Those that are remembered with a reason. */
  get entries(): IterableIterator<InvalidEntry> {
    return this.#entries.values()
  }

  /** Notes that a key is invalid now. */
  add(entry: InvalidEntry): void {
    const identity = identityOf(entry)
    if (this.#entries.has(identity)) this.#entries.set(identity, shortened(entry))
    else if (this.#entries.size < this.#keysMax) {
      this.#entries.set(identity, shortened(entry))
      this.#counted.delete(hashOf(identity))
    } else if (this.#counted.size < this.#keysMax * COUNTED_PER_NAMED) {
      this.#counted.add(hashOf(identity))
    }
  }

  /** Notes that a key is valid or gone. */
  clear(identity: string): void {
    if (this.#entries.size === 0) return
    if (!this.#entries.delete(identity) && this.#counted.size > 0) {
      this.#counted.delete(hashOf(identity))
    }
  }

  /** The first `countMax` of them, for people. Keys are cut to 200 characters. */
  sample(countMax: number): InvalidEntry[] {
    const sample: InvalidEntry[] = []
    for (const { key, reason } of this.#entries.values()) {
      if (sample.length === countMax) break
      sample.push({ key: key.slice(0, 200), reason })
    }
    return sample
  }
}

function shortened(entry: InvalidEntry): InvalidEntry {
  const { key, id } = entry
  return { ...entry, key: cut(key), ...(id !== undefined && { id: cut(id) }) }
}

// What was cut once is short enough to stay: so an image brings back the same identities.
function cut(key: string): string {
  return key.length > KEY_CHARS_MAX ? `${key.slice(0, START_CHARS)}…${hashOf(key)}` : key
}

// 53 bits from two 32-bit chains, so that a million keys rarely collide.
function hashOf(text: string): number {
  let lo = 0x48656164
  let hi = 0x77617465
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    lo = Math.imul(lo ^ unit, 0x85ebca77)
    hi = Math.imul(hi ^ unit, 0xc2b2ae3d)
  }
  lo = Math.imul(lo ^ (lo >>> 16), 0x9e3779b1) ^ Math.imul(hi ^ (hi >>> 13), 0x27d4eb2f)
  hi = Math.imul(hi ^ (hi >>> 16), 0x85ebca77) ^ Math.imul(lo ^ (lo >>> 13), 0xc2b2ae3d)
  return (hi >>> 11) * 4_294_967_296 + (lo >>> 0)
}
