import { Leases, PinnedSnapshot, type SnapshotCache, statusKeyOf } from "@headwater/cache"
import type { Clock, Position, StatusReport } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import type { HubLimits } from "../limits.ts"
import type { HubObserver } from "../observe/hub-observer.ts"
import { Frames } from "./frames.ts"
import { partReport } from "./part-report.ts"
import type { TurnScheduler } from "./turn-scheduler.ts"
import type { View, Wakeable } from "./view.ts"
import { Views } from "./views.ts"

/** The newest complete version, which is served, and the position up to which it is whole. */
export interface CurrentVersion {
  readonly pinned: PinnedSnapshot
  /** Everything up to here is in `pinned`; not below its reach. */
  readonly position: Position
}

/**
 * Carries a topic's cache to its readers: one version for all of them at a time.
 *
 * Readers are woken in rounds. A round fixes the version, wakes a group of readers in each turn of
 * the event loop, and then looks whether the cache has moved on. So all readers of a round ask for
 * the same frames, which are encoded once; and under fast change a round takes longer, more commits
 * fall into the next one, and each delivered change costs less. A round wakes only readers whose
 * views changed: see `Views.advance`.
 */
export class FanOut {
  readonly topic: string
  readonly cache: SnapshotCache
  readonly values: ValueKind
  readonly clock: Clock
  readonly limits: HubLimits
  readonly leases: Leases
  readonly frames: Frames
  readonly turns: TurnScheduler
  readonly observer: HubObserver
  readonly #followers = new Set<Wakeable>()
  /** Followers that every commit wakes: those without a view yet, and those of the whole topic. */
  readonly #unfiltered = new Set<Wakeable>()
  /** Filtered views with news since the last round; `undefined` for all. */
  #changed: Set<View> | undefined = new Set()
  #current: CurrentVersion | undefined
  #versionBefore = 0
  #views: Views | undefined
  #statusKey = ""
  #partStatusKey = ""
  #isNews = false
  #wakingSince = 0
  #woken = 0

  constructor(options: {
    readonly topic: string
    readonly cache: SnapshotCache
    readonly values: ValueKind
    readonly clock: Clock
    readonly limits: HubLimits
    readonly turns: TurnScheduler
    readonly observer?: HubObserver
  }) {
    this.topic = options.topic
    this.cache = options.cache
    this.values = options.values
    this.clock = options.clock
    this.limits = options.limits
    this.turns = options.turns
    this.leases = new Leases(options.clock)
    this.observer = options.observer ?? {}
    this.frames = new Frames(this)
  }

  /** The version that is served; none before the source was complete once. */
  get current(): CurrentVersion | undefined {
    return this.#current
  }

  /** The version that was served before the present one; 0 if it was of another epoch. */
  get versionBefore(): number {
    return this.#versionBefore
  }

  /** The views of the epoch that is served. */
  get views(): Views | undefined {
    return this.#views
  }

  /** The hub's link to its source, as of now. */
  get report(): StatusReport {
    return this.cache.report
  }

  /** `statusKeyOf` the report of the last round. */
  get statusKey(): string {
    return this.#statusKey
  }

  /** The same for readers that may see a part of the topic. */
  get partStatusKey(): string {
    return this.#partStatusKey
  }

  /** When the present group of readers began to be woken, by `Clock.elapsed`. */
  get wakingSince(): number {
    return this.#wakingSince
  }

  /** Number of times that readers were woken since the start. */
  get woken(): number {
    return this.#woken
  }

  /** Readers that follow. */
  get followers(): number {
    return this.#followers.size
  }

  /** Wakes a follower at every commit from now on. Returns what ends that. */
  follow(follower: Wakeable): () => void {
    this.#followers.add(follower)
    this.#unfiltered.add(follower)
    return () => {
      this.#followers.delete(follower)
      this.#unfiltered.delete(follower)
    }
  }

  /**
   * Wakes a follower only when a commit changes its view, or the status changes. Returns what ends
   * that: then every commit wakes it again, as long as it follows.
   */
  watch(follower: Wakeable, view: View): () => void {
    if (view.filter === undefined) return () => {}
    this.#unfiltered.delete(follower)
    view.followers.add(follower)
    return () => {
      view.followers.delete(follower)
      if (this.#followers.has(follower)) this.#unfiltered.add(follower)
    }
  }

  /** Runs until the signal is aborted, then releases everything and rejects with its reason. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        this.refresh()
        while (this.#isNews) {
          this.#isNews = false
          await this.#round(signal)
          this.refresh()
        }
        await this.cache.changes.wait(signal)
      }
    } finally {
      this.#current?.pinned.release()
      this.#current = undefined
      this.#views?.close()
      this.leases.close()
      this.frames.clear()
    }
  }

  /** Takes over the version that the cache serves now. */
  refresh(): void {
    const { current, position, report } = this.cache
    this.#noteStatus(report)
    if (current === undefined || position === undefined || !this.cache.wasInSync) return
    const before = this.#current?.pinned
    if (before?.epochState === current.epochState && before.version === current.snapshot.version) {
      before.report = report
      this.#current = { pinned: before, position }
      return
    }
    const pinned = new PinnedSnapshot(current, report)
    this.#current = { pinned, position }
    const isSameEpoch = before?.epochState === pinned.epochState
    this.#versionBefore = isSameEpoch ? (before?.version ?? 0) : 0
    if (!isSameEpoch) this.#beginEpoch()
    const changed = this.#views?.advance(pinned, this.#versionBefore)
    if (changed === undefined) this.#changed = undefined
    else for (const view of changed) this.#changed?.add(view)
    before?.release()
    this.#isNews = true
  }

  async #round(signal: AbortSignal): Promise<void> {
    let woken = 0
    this.#wakingSince = this.clock.elapsed()
    for (const follower of this.#takeNews()) {
      follower.wake()
      this.#woken++
      if (++woken % this.limits.wakesMax > 0) continue
      await this.clock.yield()
      if (signal.aborted) return
      this.#wakingSince = this.clock.elapsed()
    }
  }

  /** The followers that a round wakes. */
  #takeNews(): Wakeable[] {
    const changed = this.#changed
    this.#changed = new Set()
    if (changed === undefined) return [...this.#followers]
    const followers = [...this.#unfiltered]
    for (const view of changed) followers.push(...view.followers)
    return followers
  }

  #noteStatus(report: StatusReport): void {
    const key = statusKeyOf(report)
    if (key !== this.#statusKey) {
      this.#isNews = true
      this.#changed = undefined
      this.#partStatusKey = statusKeyOf(partReport(report))
    }
    this.#statusKey = key
  }

  #beginEpoch(): void {
    this.#views?.close()
    this.frames.clear()
    const { epochState } = this.#current!.pinned
    this.#views = new Views(epochState, this)
  }
}
