import type { Delta, Entry, Position, Revision, StatusReport } from "@headwater/core"
import type { CacheFrame } from "./cache-frame.ts"

/**
 * A change as one watcher sees it: `new` when it hears of the key for the first time, or for the
 * first time since it was deleted; `updated` after; `deleted` only if it had heard of it.
 */
export type Seen =
  | {
      readonly kind: "new" | "updated"
      readonly key: string
      readonly value: Uint8Array
      readonly revision: Revision
    }
  | { readonly kind: "deleted"; readonly key: string; readonly revision: Revision }

/** What a watcher hears, one at a time. */
export type Heard =
  /** With a position: everything up to there was told. Empty when that alone is the news. */
  | { readonly type: "changes"; readonly changes: readonly Seen[]; readonly position?: Position }
  | { readonly type: "status"; readonly report: StatusReport }

/**
 * Turns what a follower gets into what an application wants to hear.
 *
 * Writing the same value again is no change, nor is deleting what was not there. After a `reset`
 * only what differs is told: what is there still at its revision is silent, and what is there no
 * longer is deleted when the snapshot is whole, before its `sync` is told; until then the union of
 * both is what was told. A second `reset` in between starts this again.
 *
 * Follow from `undefined`, not from a position: what was heard in another life is not known here.
 * Costs a key and a revision for each entry, on the JavaScript heap; values are not kept. So after
 * another epoch, whose revisions say nothing of this one, every value is told again, as `updated`.
 *
 * Source: Typha's dedupe buffer, and the update types of its snapcache.
 */
export async function* watch(frames: AsyncIterable<CacheFrame>): AsyncGenerator<Heard, void> {
  const watcher = new Watcher()
  for await (const frame of frames) {
    const heard = watcher.hear(frame)
    if (heard !== undefined) yield heard
  }
}

/** What a watcher knows: live keys with their revisions, and after a `reset` which it saw again. */
class Watcher {
  readonly #live = new Map<string, Revision>()
  #unseen: Set<string> | undefined
  #epoch: string | undefined
  #isSameEpoch = false

  hear(frame: CacheFrame): Heard | undefined {
    switch (frame.type) {
      case "reset":
        this.#unseen = new Set(this.#live.keys())
        this.#isSameEpoch = this.#epoch === frame.epoch
        // Until the next `sync` keys of two epochs may be held, and a revision proves nothing.
        if (!this.#isSameEpoch) this.#epoch = undefined
        return undefined
      case "entries":
        return changesOf(frame.entries.flatMap((entry) => this.#put(entry)))
      case "delta":
        return changesOf(
          frame.deltas.flatMap((delta) => this.#apply(delta)),
          // Until the `sync` of a snapshot, keys that are gone may still be held.
          this.#unseen === undefined ? frame.position : undefined,
        )
      case "sync":
        this.#epoch = frame.position.epoch
        return { type: "changes", changes: this.#sweep(frame.position), position: frame.position }
      case "status":
        return frame
    }
  }

  #apply(delta: Delta): Seen[] {
    if (delta.op === "put") return this.#put(delta)
    const { key, revision } = delta
    this.#unseen?.delete(key)
    if (delta.op === "touch") {
      if (this.#live.has(key)) this.#live.set(key, revision)
      return []
    }
    return this.#live.delete(key) ? [{ kind: "deleted", key, revision }] : []
  }

  #put({ key, value, revision }: Entry): Seen[] {
    const held = this.#live.get(key)
    const isUnseen = this.#unseen?.delete(key) ?? false
    this.#live.set(key, revision)
    // The same revision is the same value, within an epoch; beyond it only once it was told here.
    if (held === revision && (this.#isSameEpoch || !isUnseen)) return []
    return [{ kind: held === undefined ? "new" : "updated", key, value, revision }]
  }

  // What the source has no longer goes at the position where that is known.
  #sweep({ revision }: Position): Seen[] {
    const gone = [...(this.#unseen ?? [])]
    this.#unseen = undefined
    this.#isSameEpoch = true
    for (const key of gone) this.#live.delete(key)
    return gone.map((key) => ({ kind: "deleted", key, revision }))
  }
}

function changesOf(changes: readonly Seen[], position?: Position): Heard | undefined {
  if (changes.length === 0 && position === undefined) return undefined
  return position === undefined
    ? { type: "changes", changes }
    : { type: "changes", changes, position }
}
