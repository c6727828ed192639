import { Digest, type Frame, type WireChange } from "@headwater/protocol"

interface Held {
  readonly value: unknown
  readonly revision: number
}

/**
 * The state of a reader that does exactly what the protocol requires: it applies the changes
 * between two ids in one step, ignores changes that are not newer, and checks every digest.
 */
export class ModelReplica {
  #held = new Map<string, Held>()
  #staged: WireChange[] = []
  #replaces = true
  #isBlind = false
  /** Digests that were checked. */
  proven = 0
  /** Called at every id, with what is held there. */
  onId: (entries: Record<string, unknown>) => void = () => {}

  /** The entries at the last id. */
  get entries(): Record<string, unknown> {
    const sorted = [...this.#held].sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(sorted.map(([key, { value }]) => [key, value]))
  }

  /** The number of entries held, and their digest. */
  get size(): number {
    return this.#held.size
  }

  get digest(): string {
    const own = new Digest()
    for (const [key, { revision }] of this.#held) own.add(key, revision)
    return own.toString()
  }

  /** @throws {Error} at the first thing that is wrong. */
  hear(frame: Frame): void {
    switch (frame.type) {
      case "hello":
        // Who comes with a position but without what he held there can prove nothing.
        this.#isBlind = frame.resumed && this.#replaces
        this.#replaces = !frame.resumed
        this.#staged = []
        break
      case "reset":
        this.#replaces = true
        this.#isBlind = false
        this.#staged = []
        break
      case "snapshot":
        for (const entry of frame.entries) this.#staged.push({ op: "put", ...entry })
        break
      case "delta":
        this.#staged.push(...frame.changes)
        if (frame.id !== undefined) this.#apply()
        break
      case "sync":
        this.#apply()
        if (!this.#isBlind) this.#prove(frame.entries, frame.digest)
    }
  }

  #apply(): void {
    if (this.#replaces) this.#held = new Map()
    this.#replaces = false
    for (const change of this.#staged) {
      const held = this.#held.get(change.key)
      if (held !== undefined && change.revision <= held.revision) continue
      if (change.op === "delete") this.#held.delete(change.key)
      else if (change.op === "put") this.#held.set(change.key, change)
      else if (held === undefined) throw new Error(`touch of a key that is not held: ${change.key}`)
      else this.#held.set(change.key, { value: held.value, revision: change.revision })
    }
    this.#staged = []
    this.onId(this.entries)
  }

  #prove(entries: number, digest: string | undefined): void {
    const own = this.digest
    if (entries !== this.#held.size) throw new Error(`${this.#held.size} entries, not ${entries}`)
    if (digest === undefined) return
    if (digest !== own) throw new Error(`the digest is ${own}, not ${digest}`)
    this.proven++
  }
}
