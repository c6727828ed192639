import type { SnapshotCache } from "@headwater/cache"
import type { Clock, Position, StatusReport } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import type { HubLimits } from "../limits.ts"
import { Frames } from "./frames.ts"
import { Leases } from "./leases.ts"
import { Root } from "./root.ts"
import type { Turns } from "./turns.ts"
import type { Follower, View } from "./view.ts"
import { Views } from "./views.ts"

/** What is served now: the newest complete version and how far the hub has got with it. */
export interface Moment {
  readonly root: Root
  /** Everything up to here is in `root`; not below its reach. */
  readonly position: Position
}

/**
 * Carries a topic's cache to its readers: one moment for all of them at a time.
 *
 * Readers are woken in rounds. A round fixes the moment, wakes a group of readers in each turn of
 * the event loop, and only then looks whether the cache has moved on. So all readers of a round ask
 * for the same frames, which are encoded once; and under fast change a round takes longer, more
 * commits fall into the next one, and each delivered change costs less.
 */
export class FanOut {
  readonly cache: SnapshotCache
  readonly values: ValueKind
  readonly clock: Clock
  readonly limits: HubLimits
  readonly leases: Leases
  readonly frames: Frames
  readonly turns: Turns
  readonly #followers = new Set<Follower>()
  /** Followers that every commit wakes: those without a view yet, and those of the whole topic. */
  readonly #unfiltered = new Set<Follower>()
  /** Filtered views with news since the last round; `undefined` for all. */
  #changed: Set<View> | undefined = new Set()
  #moment: Moment | undefined
  #views: Views | undefined
  #statusKey = ""
  #isNews = false
  #wakingSince = 0
  #woken = 0

  constructor(options: {
    readonly cache: SnapshotCache
    readonly values: ValueKind
    readonly clock: Clock
    readonly limits: HubLimits
    readonly turns: Turns
  }) {
    this.cache = options.cache
    this.values = options.values
    this.clock = options.clock
    this.limits = options.limits
    this.turns = options.turns
    this.leases = new Leases(options.clock)
    this.frames = new Frames(options.clock, options.limits)
  }

  /** What is served now; nothing before the source was complete once. */
  get moment(): Moment | undefined {
    return this.#moment
  }

  /** The views of the life that is served. */
  get views(): Views | undefined {
    return this.#views
  }

  /** The hub's link to its source, as of now. */
  get report(): StatusReport {
    return this.cache.report
  }

  /** `statusKeyOf` the report, as of the last round. */
  get statusKey(): string {
    return this.#statusKey
  }

  /** When the readers that are woken now began to be, by the clock: a moment ago. */
  get wakingSince(): number {
    return this.#wakingSince
  }

  /** How often a reader was woken since the start. */
  get woken(): number {
    return this.#woken
  }

  /** Readers that follow. */
  get followers(): number {
    return this.#followers.size
  }

  /** Wakes a follower at every commit from now on. Returns what ends that. */
  follow(follower: Follower): () => void {
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
  watch(follower: Follower, view: View): () => void {
    if (view.filter === undefined) return () => {}
    this.#unfiltered.delete(follower)
    view.followers.add(follower)
    return () => {
      view.followers.delete(follower)
      if (this.#followers.has(follower)) this.#unfiltered.add(follower)
    }
  }

  /** Carries until the signal is aborted; then lets go of everything. Rejects with its reason. */
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
      this.#moment?.root.release()
      this.#moment = undefined
      this.#views?.close()
      this.leases.close()
      this.frames.clear()
    }
  }

  /** Looks at the cache now: for a round, or for a reader who knows of something newer. */
  refresh(): void {
    const { current, position, report } = this.cache
    this.#noteStatus(report)
    if (current === undefined || position === undefined || !this.cache.wasInSync) return
    const before = this.#moment?.root
    if (before?.life === current.epochState && before.version === current.snapshot.version) {
      before.report = report
      this.#moment = { root: before, position }
      return
    }
    const root = new Root(current, report)
    this.#moment = { root, position }
    const isSameLife = before?.life === root.life
    if (!isSameLife) this.#beginLife()
    const changed = this.#views?.advance(root, isSameLife ? (before?.version ?? 0) : 0)
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
  #takeNews(): Follower[] {
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
    }
    this.#statusKey = key
  }

  #beginLife(): void {
    this.#views?.close()
    this.frames.clear()
    const { life } = this.#moment!.root
    this.#views = new Views(life, this)
  }
}

/** The same for reports that need not be told one after the other: contact alone is no news. */
export function statusKeyOf({ status, code, invalid }: StatusReport): string {
  return `${status} ${code ?? ""} ${invalid}`
}
