import type { Clock } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { EpochState } from "./epoch-state.ts"
import type { CacheLimits } from "./limits.ts"
import { VersionAges } from "./version-ages.ts"

// A slice after each chunk of 100 updates must keep up with what the chunk leaves behind: up to 100
// tombstones, and about 8 blocks for each update.
const TOMBSTONES_BUDGET = 1_000
const BLOCKS_BUDGET = 4_096

/** History of the ages that tell short lags, in ms: their steps are 0.1 s. */
const RECENT_MS = 25_600

/**
 * Keeps history within its bounds, in slices: raises the horizon, sweeps the tombstones below it,
 * and frees blocks of released snapshots.
 *
 * The horizon is the nearer of age and tombstone bytes. When the bytes are exceeded it is raised
 * until an eighth of them is free, so that sweeps come in runs, not with every commit.
 */
export class Compaction {
  readonly #epochState: EpochState
  readonly #limits: CacheLimits
  readonly #clock: Clock
  readonly #ages: VersionAges
  readonly #recentAges = new VersionAges(RECENT_MS)
  #sweeping = false

  constructor(epochState: EpochState, limits: CacheLimits, clock: Clock) {
    this.#epochState = epochState
    this.#limits = limits
    this.#clock = clock
    this.#ages = new VersionAges(limits.historyMs)
  }

  /** Notes the time of a complete version. */
  sample(version: number): void {
    const now = this.#clock.elapsed()
    this.#ages.sample(now, version)
    this.#recentAges.sample(now, version)
    this.#recentAges.horizonAt(now)
  }

  /** See `VersionAges.lagMs`. Both are too short at most, so the longer one is nearer. */
  lagMs(version: number): number {
    return Math.max(this.#recentAges.lagMs(version), this.#ages.lagMs(version))
  }

  /**
   * Does one slice of the work.
   *
   * @returns `done`: nothing is left to do; `swept`: after a sweep, a handle on the newest version,
   *   which no longer has the tombstones that were swept.
   */
  slice(): { done: boolean; swept?: Snapshot } {
    const epochState = this.#epochState
    const reclaimed = epochState.trie.reclaim(BLOCKS_BUDGET)
    if (!epochState.whole || epochState.resyncing) return { done: reclaimed }
    const horizon = this.#ages.horizonAt(this.#clock.elapsed())
    const isFull = epochState.trie.tombstoneBytes > this.#limits.tombstoneBytesMax
    if (isFull || horizon > epochState.horizon) this.#sweeping = true
    if (!this.#sweeping) return { done: reclaimed }
    const { done, ...rest } = epochState.sweep(horizon, {
      bytesMax: Math.floor((this.#limits.tombstoneBytesMax * 7) / 8),
      entriesMax: TOMBSTONES_BUDGET,
    })
    if (done) this.#sweeping = false
    return { done: done && reclaimed, ...rest }
  }
}
