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
  #sweepTo = 0

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

  /**
   * Does one slice of what is to be done.
   *
   * @returns after a sweep, the newest version without what was swept: same entries, same reach.
   */
  slice(): { done: boolean; swept?: Snapshot } {
    const reclaimed = this.#life.trie.reclaim(BLOCKS_BUDGET)
    if (!this.#life.whole || this.#life.resyncing) return { done: reclaimed }
    const horizon = this.#horizon()
    if (horizon > this.#life.horizon) this.#sweepTo = horizon
    if (this.#sweepTo === 0) return { done: reclaimed }
    const { done, ...rest } = this.#life.sweep(
      Math.max(this.#sweepTo, this.#life.horizon),
      TOMBSTONES_BUDGET,
    )
    if (done) this.#sweepTo = 0
    return { done: done && reclaimed, ...rest }
  }

  #horizon(): number {
    const byAge = this.#retention.horizonAt(this.#clock.elapsed())
    const { tombstoneBytesMax } = this.#limits
    const byBytes =
      this.#life.engine.stats().tombstoneBytes > tombstoneBytesMax
        ? this.#life.trie.tombstoneHorizon(Math.floor((tombstoneBytesMax * 7) / 8))
        : 0
    return Math.min(Math.max(byAge, byBytes), this.#life.versions.newest)
  }
}
