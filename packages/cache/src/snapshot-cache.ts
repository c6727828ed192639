import {
  assert,
  type Clock,
  ClosedError,
  type Commit,
  type Entry,
  type InvalidEntry,
  type ListPage,
  MemoryFullError,
  type Position,
  type Revision,
  type Status,
  type StatusReport,
  type SyncErrorCode,
  Waiters,
} from "@headwater/core"
import type { EngineOptions, Snapshot } from "@headwater/core/engine"
import type { Policy } from "@headwater/stream"
import { chunksOf } from "./batch.ts"
import type { Breadcrumb } from "./breadcrumb.ts"
import type { CacheFrame } from "./cache-frame.ts"
import { namingAll, runsOf } from "./directories.ts"
import { follow } from "./follow.ts"
import type { Life } from "./life.ts"
import { CACHE_LIMITS, type CacheLimits } from "./limits.ts"
import { Lives, type Tended } from "./lives.ts"
import type { Location } from "./location.ts"
import type { CacheObserver } from "./observer.ts"
import { Pace } from "./pace.ts"
import type { Validator } from "./screen.ts"
import { SourceLink } from "./source-link.ts"
import type { Upkeep } from "./upkeep.ts"

/** What a cache is made with. */
export interface SnapshotCacheOptions {
  readonly clock: Clock
  /** For each life's own engine. */
  readonly engine?: EngineOptions
  readonly limits?: Partial<CacheLimits>
  /** Says why a value is invalid. Part of what the epoch stands for: see `Screen`. */
  readonly validate?: Validator
  /** Told what happens, for metrics. Costs nothing when absent. */
  readonly observer?: CacheObserver
}

/**
 * The latest state of a source, as immutable versions, and what changed since any of them.
 *
 * One writer, the syncer, calls the methods of the first half, one at a time. It may be in the
 * middle of a list, or of a commit of several chunks; readers see only complete versions:
 *
 *     renew(epoch)? beginResync applyList* (endResync | abortResync)     a list, seen in one step
 *     applyCommits | progress                                            what the source told since
 *
 * Any number of readers use the second half. A reader is a number, not a queue: `locate` turns its
 * position into a version, `plan` and `walked` say how it goes on, and `current.snapshot` tells
 * what changed since. Nobody delays the writer or another reader.
 *
 * Cost: a crumb per chunk of at most 100 updates. Long calls give way to others every 5 ms.
 * Source: Typha's snapcache; the resume without a log is ZFS's incremental send.
 */
export class SnapshotCache {
  /** Woken by every new breadcrumb, progress, status change and renewal, and by `close`. */
  readonly changes = new Waiters()
  readonly #lives: Lives
  readonly #limits: CacheLimits
  readonly #clock: Clock
  readonly #link: SourceLink
  readonly #pace: Pace
  readonly #observer: CacheObserver | undefined
  #current: Breadcrumb | undefined
  #followers = 0
  #busy = false
  #closed = false

  constructor(options: SnapshotCacheOptions) {
    const { clock, engine, validate } = options
    this.#limits = { ...CACHE_LIMITS, ...options.limits }
    this.#clock = clock
    this.#lives = new Lives({ clock, engine, validate, limits: this.#limits })
    this.#link = new SourceLink(clock)
    this.#pace = new Pace(clock, this.#limits.sliceMs)
    this.#observer = options.observer
  }

  // What the syncer does.

  /**
   * A life of the source begins, or goes on. Another epoch than the present one is filled beside
   * it, by the resync that follows, and takes its place when that ends; until then the old one is
   * served.
   */
  renew(epoch: string): void {
    this.#assertIdle()
    this.#lives.renew(epoch)
  }

  /** A list begins. What is applied up to `endResync` is not served. */
  beginResync(): void {
    this.#assertIdle()
    this.#lives.target.life.beginResync()
  }

  /**
   * The list is given up, and the watch goes on after `contiguous`. Nothing is served until it has
   * passed the highest revision that the list brought.
   *
   * @throws {MemoryFullError} what the list brought last was not kept; the status says so.
   */
  abortResync(): void {
    this.#atOnce((target) => {
      target.life.abortResync()
      this.#publish(target, target.life.commit())
    })
  }

  /**
   * Applies one page of a list. What is held at the same revision or a newer one stays.
   *
   * @throws {SourceError} the list is older than what the source has told already.
   * @throws {MemoryFullError} the page was not applied; the status says so.
   */
  applyList(page: ListPage): Promise<void> {
    return this.#serially(async ({ life, upkeep }) => {
      life.checkList(page.revision)
      const entries = life.screen.admitListed(page.entries, page.invalid)
      for (let start = 0; start < entries.length; start += this.#limits.chunkUpdatesMax) {
        life.applyListed(entries.slice(start, start + this.#limits.chunkUpdatesMax))
        await this.#giveWay()
      }
      life.commit()
      await this.#tidy(life, upkeep)
    })
  }

  /**
   * Applies what the source's watch told: every commit since `contiguous`, or, beside a list, since
   * that list's revision. Each event is applied for itself; commits that were told before, or that
   * the list holds, are skipped. Of deleted directories, each key is; not beside a list, where a
   * key that a page to come brings back would not be known.
   *
   * @throws {MemoryFullError} a chunk, and what comes after it, was not applied; the status says
   * so.
   */
  applyCommits(commits: readonly Commit[]): Promise<void> {
    return this.#serially(async (target) => {
      const { life, upkeep } = target
      const untold = commits.filter(({ revision }) => !life.hasTold(revision))
      for (const run of runsOf(untold)) {
        for (const chunk of chunksOf(namingAll(run, life), this.#limits.chunkUpdatesMax)) {
          const served = life.served
          this.#publish(target, life.apply(chunk), life.served > served)
          this.#observer?.onApply?.({ updates: chunk.updates.length })
          await this.#tidy(life, upkeep)
        }
      }
    })
  }

  /**
   * The list is whole as of `revision`: deletes what it did not name, and serves the result.
   *
   * @throws {MemoryFullError} not everything was deleted; the list must be begun again.
   */
  endResync(revision: Revision): Promise<void> {
    return this.#serially(async (target) => {
      const { life, upkeep } = target
      life.checkList(revision)
      while (!life.sweepUnseen(revision, this.#limits.chunkUpdatesMax)) await this.#giveWay()
      this.#publish(target, life.endResync(revision), true)
      await this.#tidy(life, upkeep)
    })
  }

  /**
   * The source has told everything up to `revision`, and has nothing more up to there.
   *
   * @throws {MemoryFullError} it was not noted; the status says so.
   */
  progress(revision: Revision): void {
    this.#atOnce((target) => {
      const served = target.life.served
      this.#publish(target, target.life.progress(revision), target.life.served > served)
    })
  }

  /** The link to the source. Said again, it is not heard. Comes after the data that it covers. */
  setStatus(status: Status, code?: SyncErrorCode): void {
    if (this.#closed || !this.#link.set(status, code)) return
    this.#observer?.onStatus?.(status)
    const now = this.#clock.now()
    const { current } = this
    if (current !== undefined && current.status !== status) {
      this.#current = { ...current, sequence: current.sequence + 1, timestamp: now, status }
    }
    this.#wake()
  }

  /** The source said something, be it only that it is there. */
  contact(): void {
    this.#link.contact()
  }

  /**
   * Everything up to here has been told, in the life that is being filled: watch on from the next.
   */
  get contiguous(): Revision {
    return this.#lives.contiguous
  }

  // What readers do.

  /** The epoch of what is served; `undefined` until something is complete. */
  get epoch(): string | undefined {
    return this.#lives.serving?.epoch
  }

  /** The newest complete state; `undefined` until there is one. */
  get current(): Breadcrumb | undefined {
    return this.#current
  }

  /** Everything up to here is in `current`. Not below its reach, and above it when all is quiet. */
  get position(): Position | undefined {
    const life = this.#lives.serving
    return life === undefined ? undefined : { epoch: life.epoch, revision: life.served }
  }

  /** The lowest position that can be resumed from. */
  get oldestPosition(): Position | undefined {
    const life = this.#lives.serving
    const revision = life?.versions.oldest
    return life === undefined || revision === undefined
      ? undefined
      : { epoch: life.epoch, revision }
  }

  /** The link to the source, and what an operator wants to know beside it. */
  get report(): StatusReport {
    return this.#link.report(this.#lives.serving?.screen.count ?? 0)
  }

  /**
   * Whether this cache was in sync with its source once. Before, what is complete may be a state of
   * long ago: a source that keeps its history is read from there on.
   */
  get wasInSync(): boolean {
    return this.#link.wasInSync
  }

  /** Up to 10 entries of the source that are absent because they are invalid. */
  get invalidSample(): readonly InvalidEntry[] {
    return this.#lives.serving?.screen.sample ?? []
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed
  }

  /** Where a reader at `position` goes on. Revision 0 of any epoch is "nothing held". */
  locate(position: Position): Location {
    if (position.revision === 0) return { type: "fresh" }
    const life = this.#lives.serving
    if (life === undefined) return { type: "ahead" }
    if (position.epoch !== life.epoch) return { type: "reset", reason: "epoch-changed" }
    const located = life.versions.locate(position.revision, life.served)
    return located.type === "compacted" ? { type: "reset", reason: "compacted" } : located
  }

  /**
   * How long ago, before the newest breadcrumb, the first one after `version` was made: what a
   * reader that stands at `version` lags by. Short of up to 1/256 of `historyMs`.
   */
  lagMs(version: number): number {
    return this.#lives.upkeep?.lagMs(version) ?? 0
  }

  /** The entry in the newest complete state. */
  get(key: string): Entry | undefined {
    return this.#current?.snapshot.getEntry(key)
  }

  /** Follows in this process; see `follow.ts` for what comes in which order. */
  follow(
    from: Position | undefined,
    policy: Policy,
    signal: AbortSignal,
  ): AsyncGenerator<CacheFrame, never> {
    const observer = this.#observer
    const onFollow = (by: 1 | -1) => {
      this.#followers += by
      observer?.onFollowers?.(this.#followers)
    }
    const limits = this.#limits
    return follow(this, { from, policy, signal, clock: this.#clock, limits, observer, onFollow })
  }

  /** Ends everything: readers hear it, and every life's memory is freed, whoever still holds it. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#current?.snapshot.dispose()
    this.#current = undefined
    this.#lives.dispose()
    this.changes.wake()
  }

  #assertIdle(): void {
    if (this.#closed) throw new ClosedError("shutdown")
    assert(!this.#busy, "the writer does one thing at a time")
  }

  #atOnce(task: (target: Tended) => void): void {
    this.#assertIdle()
    const target = this.#lives.target
    try {
      task(target)
    } catch (error) {
      this.#afterFailure(target, error)
      throw error
    }
  }

  async #serially(task: (target: Tended) => Promise<void>): Promise<void> {
    this.#assertIdle()
    const target = this.#lives.target
    this.#busy = true
    this.#pace.begin()
    try {
      await task(target)
    } catch (error) {
      this.#afterFailure(target, error)
      throw error
    } finally {
      this.#busy = false
    }
  }

  #afterFailure({ life }: Tended, error: unknown): void {
    if (!life.disposed) life.forget()
    if (!(error instanceof MemoryFullError)) return
    this.#observer?.onMemoryFull?.()
    this.setStatus("stale", error.code)
  }

  async #giveWay(): Promise<void> {
    if ((await this.#pace.giveWay()) && this.#closed) throw new ClosedError("shutdown")
  }

  #wake(): void {
    this.#observer?.onWake?.(this.changes.size)
    this.changes.wake()
  }

  async #tidy(life: Life, upkeep: Upkeep): Promise<void> {
    const { swept } = upkeep.slice()
    if (swept !== undefined) this.#replaceSnapshot(life, swept)
    await this.#giveWay()
  }

  #publish(target: Tended, snapshot: Snapshot | undefined, moved = false): void {
    if (snapshot === undefined) {
      if (moved) this.#wake()
      return
    }
    const { life, upkeep } = target
    upkeep.sample(snapshot.version)
    const before = this.#current
    const timestamp = this.#clock.now()
    if (before?.life === life && life.trail.followed) {
      const deltas = [...snapshot.changesSince(before.snapshot.version)]
      life.trail.append({ version: snapshot.version, reach: snapshot.reach, deltas })
    }
    const sequence = (before?.sequence ?? 0) + 1
    this.#current = { sequence, timestamp, snapshot, status: this.#link.status, life }
    before?.snapshot.dispose()
    this.#lives.swapIn(target)
    this.#observer?.onBreadcrumb?.({ sequence, entries: snapshot.size })
    this.#wake()
  }

  #replaceSnapshot(life: Life, swept: Snapshot): void {
    if (this.#current?.life !== life) {
      swept.dispose()
      return
    }
    const old = this.#current.snapshot
    this.#current = { ...this.#current, snapshot: swept }
    old.dispose()
  }
}
