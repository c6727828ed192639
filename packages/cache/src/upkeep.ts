import type { Clock } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { Life } from "./life.ts"
import type { CacheLimits } from "./limits.ts"
import { Retention } from "./retention.ts"

// A slice after each chunk of 100 updates must keep up with what such a chunk leaves behind: up to
// 100 tombstones, and about 8 blocks an update.
const TOMBSTONES_BUDGET = 1_000
const BLOCKS_BUDGET = 4_096

/**
 * Keeps history within its bounds, in slices: raises the horizon, sweeps the tombstones below it,
 * and frees what released snapshots held.
 *
 * The horizon is the nearer of age and tombstone bytes. When the bytes are exceeded it is raised
 * until an eighth of them is free, so that sweeps come in runs, not with every commit.
 */
export class Upkeep {
  readonly #life: Life
  readonly #limits: CacheLimits
  readonly #clock: Clock
  readonly #retention: Retention
  #sweeping = false

  constructor(life: Life, limits: CacheLimits, clock: Clock) {
    this.#life = life
    this.#limits = limits
    this.#clock = clock
    this.#retention = new Retention(limits.historyMs)
  }

  /** Notes that a complete version was made now. */
  sample(version: number): void {
    this.#retention.sample(this.#clock.elapsed(), version)
  }

  /** Between the newest version and the first one after `version`. */
  lagMs(version: number): number {
    return this.#retention.lagMs(version)
  }

  /**
   * Does one slice of what is to be done.
   *
   * @returns whether that was all; and after a sweep, a handle on the newest version, which no
   * longer
   *   has what was swept.
   */
  slice(): { done: boolean; swept?: Snapshot } {
    const life = this.#life
    const reclaimed = life.trie.reclaim(BLOCKS_BUDGET)
    if (!life.whole || life.resyncing) return { done: reclaimed }
    const horizon = this.#retention.horizonAt(this.#clock.elapsed())
    const isFull = life.trie.tombstoneBytes > this.#limits.tombstoneBytesMax
    if (isFull || horizon > life.horizon) this.#sweeping = true
    if (!this.#sweeping) return { done: reclaimed }
    const { done, ...rest } = life.sweep(horizon, {
      bytesMax: Math.floor((this.#limits.tombstoneBytesMax * 7) / 8),
      entriesMax: TOMBSTONES_BUDGET,
    })
    if (done) this.#sweeping = false
    return { done: done && reclaimed, ...rest }
  }
}
