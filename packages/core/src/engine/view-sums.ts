// Projects that compile for ES2022 have no `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Filter } from "./filter.ts"
import { type Host, toHex } from "./host.ts"
import { MODE_SUMS, WALK_SUM_DIGEST, WALK_SUM_ENTRIES } from "./layout.ts"
import type { Snapshot } from "./snapshot.ts"
import type { Trie } from "./trie.ts"
import { type Place, walkSlice } from "./walk.ts"

/**
 * The number of entries that a filter lets through, and their digest, moved between snapshots.
 *
 * The first `advance` walks everything; each later one only what was written in between, beside a
 * lookup in the older version for what it replaced. Holds the snapshot it stands on, and the one it
 * is on its way to.
 */
export class ViewSums implements Disposable {
  #host: Host
  #trie: Trie
  #filter: Filter
  #at: Snapshot | undefined
  #target: Snapshot | undefined
  #place: Place | undefined
  #entries = 0
  #lo = 0
  #hi = 0
  #aheadEntries = 0
  #aheadLo = 0
  #aheadHi = 0

  /** For `Engine.viewSums`. */
  constructor(host: Host, trie: Trie, filter: Filter) {
    this.#host = host
    this.#trie = trie
    this.#filter = filter
  }

  /** Version that the sums stand on; 0 before the first `advance` was done. */
  get version(): number {
    return this.#at?.version ?? 0
  }

  /** Entries that the filter lets through at `version`. */
  get entries(): number {
    return this.#entries
  }

  /** Their digest, 16 hex digits. */
  get digest(): string {
    return toHex(this.#hi, this.#lo)
  }

  /**
   * Moves towards `to`, looking at about `visitsMax` nodes and leaves. True once the sums stand on
   * it. A move that was begun is finished first, also when `to` is another snapshot by then.
   */
  advance(to: Snapshot, visitsMax: number): boolean {
    while (this.version !== to.version) {
      if (this.#target === undefined) this.#begin(to)
      if (!this.#step(visitsMax)) return false
    }
    return true
  }

  /**
   * Stands on `to` from now on, without a walk. The caller knows that nothing that the filter lets
   * through was written in between. Does nothing while a move is under way, or before the first.
   */
  moveUnchanged(to: Snapshot): void {
    if (this.#at === undefined || this.#target !== undefined) return
    this.#at.dispose()
    this.#at = to.retain()
  }

  #begin(to: Snapshot): void {
    if (this.#at !== undefined && this.#at.version < this.#trie.horizon) {
      this.#at.dispose() // deletes since then are forgotten: count afresh
      this.#at = undefined
    }
    this.#target = to.retain()
    this.#place = undefined
    const isFresh = this.#at === undefined
    this.#aheadEntries = isFresh ? 0 : this.#entries
    this.#aheadLo = isFresh ? 0 : this.#lo
    this.#aheadHi = isFresh ? 0 : this.#hi
  }

  #step(visitsMax: number): boolean {
    const target = this.#target!
    const slice = walkSlice(this.#host, target.root, target.version, {
      mode: MODE_SUMS,
      since: this.#at?.version ?? 0,
      after: this.#place,
      filter: this.#filter.address,
      bytesMax: 0,
      visitsMax,
      oldRoot: this.#at?.root ?? 0,
    })
    const { u32, request } = this.#host
    this.#aheadEntries += u32[(request + WALK_SUM_ENTRIES) >> 2]! | 0
    const lo = this.#aheadLo + u32[(request + WALK_SUM_DIGEST) >> 2]!
    const hi = this.#aheadHi + u32[((request + WALK_SUM_DIGEST) >> 2) + 1]!
    this.#aheadLo = lo >>> 0
    this.#aheadHi = (hi + (lo > 0xffffffff ? 1 : 0)) >>> 0
    this.#place = slice.place
    if (!slice.ended) return false
    this.#at?.dispose()
    this.#at = target
    this.#target = undefined
    this.#entries = this.#aheadEntries
    this.#lo = this.#aheadLo
    this.#hi = this.#aheadHi
    return true
  }

  /** Lets go of the snapshots. The filter stays its owner's. */
  dispose(): void {
    this.#at?.dispose()
    this.#target?.dispose()
    this.#at = undefined
    this.#target = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}
