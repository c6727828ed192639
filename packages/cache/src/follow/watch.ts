import type { Delta, Entry, Position, Revision, StatusReport } from "@headwater/core"
import type { CacheFrame } from "./cache-frame.ts"

/**
 * A change as one watcher sees it: `new` when the watcher did not know the key; `updated` when it
 * did; `deleted` only for a key that it knew.
 */
export type WatchChange =
  | {
      readonly kind: "new" | "updated"
      readonly key: string
      readonly value: Uint8Array
      readonly revision: Revision
    }
  | { readonly kind: "deleted"; readonly key: string; readonly revision: Revision }

/** A frame of `watch`. */
export type WatchFrame =
  /** With a position: the watcher knows everything up to there. Empty when only that is new. */
  | {
      readonly type: "changes"
      readonly changes: readonly WatchChange[]
      readonly position?: Position
    }
  | { readonly type: "status"; readonly report: StatusReport }

/**
 * Turns the frames of a follower into the changes that an application needs.
 *
 * Writing the same value again is no change, nor is deleting what was not there. After a `reset`
 * only differences are sent: an entry that is still there at its revision is left out, and a key
 * that is gone is deleted with the `sync` that ends the snapshot; until then the watcher knows the
 * union of both states. A second `reset` in between starts this again.
 *
 * Follow from `undefined`, not from a position: a new watcher knows no keys.
 * Costs a key and a revision for each entry, on the JavaScript heap; values are not kept. So after
 * another epoch, whose revisions say nothing of this one, every value is sent again, as `updated`.
 *
 * Source: Typha's dedupe buffer, and the update types of its snapcache.
 */
export async function* watch(frames: AsyncIterable<CacheFrame>): AsyncGenerator<WatchFrame, void> {
  const watcher = new Watcher()
  for await (const frame of frames) {
    const update = watcher.take(frame)
    if (update !== undefined) yield update
  }
}

/** The keys that a watcher knows, with their revisions; after a `reset`, those not seen again. */
class Watcher {
  readonly #live = new Map<string, Revision>()
  #unseen: Set<string> | undefined
  #epoch: string | undefined
  #isSameEpoch = false

  take(frame: CacheFrame): WatchFrame | undefined {
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

  #apply(delta: Delta): WatchChange[] {
    if (delta.op === "put") return this.#put(delta)
    const { key, revision } = delta
    this.#unseen?.delete(key)
    if (delta.op === "touch") {
      if (this.#live.has(key)) this.#live.set(key, revision)
      return []
    }
    return this.#live.delete(key) ? [{ kind: "deleted", key, revision }] : []
  }

  #put({ key, value, revision }: Entry): WatchChange[] {
    const held = this.#live.get(key)
    const isUnseen = this.#unseen?.delete(key) ?? false
    this.#live.set(key, revision)
    // The same revision is the same value within an epoch; across epochs it proves nothing.
    if (held === revision && (this.#isSameEpoch || !isUnseen)) return []
    return [{ kind: held === undefined ? "new" : "updated", key, value, revision }]
  }

  // Keys that the source no longer has go at the position where that is known.
  #sweep({ revision }: Position): WatchChange[] {
    const gone = [...(this.#unseen ?? [])]
    this.#unseen = undefined
    this.#isSameEpoch = true
    for (const key of gone) this.#live.delete(key)
    return gone.map((key) => ({ kind: "deleted", key, revision }))
  }
}

function changesOf(changes: readonly WatchChange[], position?: Position): WatchFrame | undefined {
  if (changes.length === 0 && position === undefined) return undefined
  return position === undefined
    ? { type: "changes", changes }
    : { type: "changes", changes, position }
}
