import type {
  Clock,
  Commit,
  Entry,
  InvalidEntry,
  ListPage,
  Position,
  Revision,
  Status,
  StatusReport,
  SyncErrorCode,
  Waiters,
} from "@headwater/core"
import type { Policy } from "@headwater/stream"
import type { Breadcrumb } from "./breadcrumb.ts"
import {
  checkCacheOptions,
  checkFollow,
  checkPosition,
  type SnapshotCacheOptions,
} from "./cache-options.ts"
import { saveEpoch } from "./epoch-image.ts"
import { Epochs } from "./epochs.ts"
import type { CacheFrame } from "./follow/cache-frame.ts"
import { follow } from "./follow/follow.ts"
import { Leases } from "./follow/leases.ts"
import type { Location } from "./follow/location.ts"
import { CACHE_LIMITS, type CacheLimits } from "./limits.ts"
import { type CacheObserver, FollowerCounts, guarded } from "./observer.ts"
import { Publisher } from "./publisher.ts"
import { Writer } from "./writer.ts"

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
  readonly changes: Waiters
  readonly #publisher: Publisher
  readonly #epochs: Epochs
  readonly #limits: CacheLimits
  readonly #clock: Clock
  readonly #writer: Writer
  readonly #observer: CacheObserver | undefined
  readonly #followers: FollowerCounts
  readonly #leases: Leases

  constructor(options: SnapshotCacheOptions) {
    checkCacheOptions(options)
    const { clock, engine, validate } = options
    const observer = guarded(options.observer)
    this.#limits = { ...CACHE_LIMITS, ...options.limits }
    this.#clock = clock
    this.#publisher = new Publisher(clock, observer)
    this.changes = this.#publisher.changes
    this.#epochs = new Epochs({ clock, engine, validate, limits: this.#limits })
    const parts = { epochs: this.#epochs, publisher: this.#publisher }
    this.#writer = new Writer(parts, { clock, observer, limits: this.#limits })
    this.#observer = observer
    this.#followers = new FollowerCounts(observer)
    this.#leases = new Leases(clock)
  }

  /**
   * A cache that begins with what an image holds, which is served at once. Its status is `waiting`
   * until a syncer says more: list again, or where the source still tells it, watch on after
   * `contiguous`.
   *
   * @param image what `save` gave, whole or in any pieces.
   * @throws {ImageError} it is cut, changed, of another format, or not an image of a cache.
   * @throws {MemoryFullError} it does not fit.
   */
  static load(
    image: Uint8Array | Iterable<Uint8Array>,
    options: SnapshotCacheOptions,
  ): SnapshotCache {
    const cache = new SnapshotCache(options)
    const snapshot = cache.#epochs.load(image)
    const { epochState } = cache.#epochs.target
    cache.#publisher.publish(epochState, snapshot)
    return cache
  }

  // What the syncer does.

  /**
   * A life of the source begins, or goes on. Another epoch than the present one is filled beside
   * it, by the resync that follows, and takes its place when that ends; until then the old one is
   * served.
   *
   * @param memo what the caller is to find as `memo`, also beside an image.
   */
  renew(epoch: string, memo?: string): void {
    this.#writer.renew(epoch, memo)
  }

  /** A list begins. What is applied up to `endResync` is not served. */
  beginResync(): void {
    this.#writer.beginResync()
  }

  /**
   * The list is given up, and the watch goes on after `contiguous`. Nothing is served until it has
   * passed the highest revision that the list brought.
   *
   * @throws {MemoryFullError} what the list brought last was not kept; the status says so.
   */
  abortResync(): void {
    this.#writer.abortResync()
  }

  /**
   * Applies one page of a list. What is held at the same revision or a newer one stays.
   *
   * @throws {SourceError} the list is older than what the source has told already.
   * @throws {MemoryFullError} the page was not applied; the status says so.
   */
  applyList(page: ListPage): Promise<void> {
    return this.#writer.applyList(page)
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
    return this.#writer.applyCommits(commits)
  }

  /**
   * The list is whole as of `revision`: deletes what it did not name, and serves the result.
   *
   * @throws {MemoryFullError} not everything was deleted; the list must be begun again.
   */
  endResync(revision: Revision): Promise<void> {
    return this.#writer.endResync(revision)
  }

  /**
   * The source has told everything up to `revision`, and has nothing more up to there.
   *
   * @throws {MemoryFullError} it was not noted; the status says so.
   */
  progress(revision: Revision): void {
    this.#writer.progress(revision)
  }

  /** The link to the source. Said again, it is not heard. Comes after the data that it covers. */
  setStatus(status: Status, code?: SyncErrorCode): void {
    this.#publisher.setStatus(status, code)
  }

  /** The source said something, be it only that it is there. */
  contact(): void {
    this.#publisher.contact()
  }

  /**
   * Everything up to here has been told, in the life that is being filled: watch on from the next.
   */
  get contiguous(): Revision {
    return this.#epochs.contiguous
  }

  /** What was said with the newest epoch, be that served or not yet. An image brings it back. */
  get memo(): string | undefined {
    return this.#epochs.memo
  }

  // What readers do.

  /** The epoch of what is served; `undefined` until something is complete. */
  get epoch(): string | undefined {
    return this.#epochs.serving?.epoch
  }

  /** The newest complete state; `undefined` until there is one. */
  get current(): Breadcrumb | undefined {
    return this.#publisher.current
  }

  /** Everything up to here is in `current`. Not below its reach, and above it when all is quiet. */
  get position(): Position | undefined {
    const epochState = this.#epochs.serving
    return epochState === undefined
      ? undefined
      : { epoch: epochState.epoch, revision: epochState.served }
  }

  /** The lowest position that can be resumed from. */
  get oldestPosition(): Position | undefined {
    const epochState = this.#epochs.serving
    const revision = epochState?.versions.oldest
    return epochState === undefined || revision === undefined
      ? undefined
      : { epoch: epochState.epoch, revision }
  }

  /** The link to the source, and what an operator wants to know beside it. */
  get report(): StatusReport {
    return this.#publisher.report(this.#epochs.serving?.validator.count ?? 0)
  }

  /**
   * Whether this cache was in sync with its source once. Before, what is complete may be a state of
   * long ago: a source that keeps its history is read from there on.
   */
  get wasInSync(): boolean {
    return this.#publisher.wasInSync
  }

  /** Up to 10 entries of the source that are absent because they are invalid. */
  get invalidSample(): readonly InvalidEntry[] {
    return this.#epochs.serving?.validator.sample ?? []
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#publisher.closed
  }

  /** Where a reader at `position` goes on. Revision 0 of any epoch is "nothing held". */
  locate(position: Position): Location {
    checkPosition(position)
    if (position.revision === 0) return { type: "fresh" }
    const epochState = this.#epochs.serving
    if (epochState === undefined) return { type: "ahead" }
    if (position.epoch !== epochState.epoch) return { type: "reset", reason: "epoch-changed" }
    return epochState.versions.locate(position.revision, epochState.served)
  }

  /**
   * How long ago, before the newest breadcrumb, the first one after `version` was made: what a
   * reader that stands at `version` lags by. Short of up to 1/256 of `historyMs`.
   */
  lagMs(version: number): number {
    return this.#epochs.compaction?.lagMs(version) ?? 0
  }

  /** The entry in the newest complete state. */
  get(key: string): Entry | undefined {
    return this.current?.snapshot.getEntry(key)
  }

  /**
   * Follows in this process; see `follow.ts` for what comes in which order.
   *
   * @throws {OptionError} {PositionError} at the call: the policy, position or signal is none.
   */
  follow(
    from: Position | undefined,
    policy: Policy,
    signal: AbortSignal,
  ): AsyncGenerator<CacheFrame, never> {
    checkFollow(from, policy, signal)
    return follow(this, {
      from,
      policy,
      signal,
      clock: this.#clock,
      limits: this.#limits,
      observer: this.#observer,
      followers: this.#followers,
      leases: this.#leases,
    })
  }

  /**
   * An image of what is served, in pieces, for `load`: entries, tombstones, table and gaps, so that
   * every position that can be resumed here can be resumed there. Nothing before anything is
   * complete. Take the pieces at once, or hold `current.snapshot` and `current.life` meanwhile.
   */
  save(): Generator<Uint8Array> | undefined {
    const { current } = this
    return current && saveEpoch(current.epochState, current.snapshot, this.memo)
  }

  /** Ends everything: readers hear it, and every life's memory is freed, whoever still holds it. */
  async close(): Promise<void> {
    if (this.closed) return
    this.#publisher.close()
    this.#leases.close()
    this.#epochs.dispose()
  }
}
