import { assert, type Revision } from "@headwater/core"
import type { EventBuffer } from "./event-buffer.ts"
import type { EventCursor } from "./event-cursor.ts"
import type { Keeps } from "./policy.ts"

/**
 * The last items of a live trail, kept for subscribers that come back.
 *
 *     base ── item ── item ── … ── newest
 *
 * Everything published above `base` is held, so a subscriber with a revision between `base` and
 * the newest that is known can go on. `base` is the revision of the item that fell out last. While
 * none did, it is the lowest revision of a snapshot: the state at it, and the trail from its
 * capture on, are all there is. Source: Consul resumes at the newest item alone (CS-W2).
 */
export class History {
  readonly #live: EventBuffer
  readonly #bounds: { readonly itemsMax: number; readonly bytesMax: number }
  #oldest: EventCursor | undefined
  #base: Revision = Number.POSITIVE_INFINITY
  #newest: Revision = 0
  #trimmed = false

  constructor(live: EventBuffer, bounds: { readonly itemsMax: number; readonly bytesMax: number }) {
    this.#live = live
    this.#bounds = bounds
    this.#oldest = live.follow()
  }

  /** Notes the revision of a snapshot. */
  noteSnapshot(revision: Revision): void {
    if (!this.#trimmed) this.#base = Math.min(this.#base, revision)
    this.#newest = Math.max(this.#newest, revision)
  }

  /** Notes an item that was appended, and lets go of items beyond the bounds. */
  noteItem(revision: Revision): void {
    // The first event is also a place to resume from: its reader lacks only later ones.
    if (!this.#trimmed) this.#base = Math.min(this.#base, revision)
    this.#newest = Math.max(this.#newest, revision)
    const { itemsMax, bytesMax } = this.#bounds
    for (;;) {
      const oldest = this.#oldest
      if (oldest === undefined || (oldest.items <= itemsMax && oldest.bytes <= bytesMax)) return
      this.#forgetOne()
    }
  }

  /** A cursor after `revision`; nothing when what follows it is not all held. */
  resume(revision: Revision, keeps: Keeps): EventCursor | undefined {
    if (revision < this.#base || revision > this.#newest) return undefined
    // Moved first and bounded after, so that what it passes over is not counted against it.
    const cursor = this.#oldest?.clone()
    if (cursor === undefined) {
      return revision >= this.#live.revision ? this.#live.follow(keeps) : undefined
    }
    cursor.skip(revision)
    const bounded = keeps(cursor) ? cursor.clone(keeps) : undefined
    cursor.close()
    return bounded
  }

  /** Gives the memory up: from here on only the newest can be resumed from. */
  drop(): void {
    this.#oldest?.close()
    this.#oldest = undefined
    this.#base = this.#newest
    this.#trimmed = true
  }

  /** Asserts what must hold between two calls: see `EventPublisher.assertInvariants`. */
  assertInvariants(): void {
    const { itemsMax, bytesMax } = this.#bounds
    const [items, bytes] = [this.#oldest?.items ?? 0, this.#oldest?.bytes ?? 0]
    assert(items <= itemsMax && bytes <= bytesMax, "history is within its bounds")
    const isKnown = this.#base !== Number.POSITIVE_INFINITY
    assert(!isKnown || this.#base <= this.#newest, "history begins before it ends")
    assert(this.#newest >= this.#live.revision, "history knows the newest item")
  }

  #forgetOne(): void {
    const revision = this.#oldest?.pass()
    if (revision === undefined) return
    this.#trimmed = true
    // A link that is empty has no revision.
    if (revision > 0) this.#base = revision
  }
}
