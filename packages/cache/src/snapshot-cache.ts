import {
  assert,
  type Clock,
  type Commit,
  type Entry,
  type InvalidEntry,
  type ListPage,
  type Position,
  type Revision,
  type Status,
  type StatusReport,
  type SyncErrorCode,
  type Waiters,
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
import { type CacheMemory, memoryOf } from "./memory.ts"
import { type CacheObserver, FollowerCounts, guarded } from "./observer.ts"
import { BreadcrumbPublisher } from "./publisher.ts"
import { CacheWriter } from "./writer.ts"

/**
 * The latest state of a source, as immutable versions, and the changes since any of them.
 *
 * One writer, the syncer, calls the methods of the first half, one at a time. It may be in the
 * middle of a list, or of a commit of several chunks. Readers see only complete versions:
 *
 *     renew(epoch)? beginResync applyList* (endResync | abortResync)     a list, seen in one step
 *     applyCommits | progress                                            what the watch sends
 *
 * Any number of readers use the second half. A reader is a number, not a queue: `locate` turns its
 * position into a version, `plan` and `walked` decide its next step, and `current.snapshot` has the
 * changes since. No reader delays the writer or another reader.
 *
 * Cost: a breadcrumb per chunk of at most 100 updates. Long calls yield to other tasks every 5 ms.
 * Source: Typha's snapcache; the resume without a log is ZFS's incremental send.
 */
export class SnapshotCache {
  /** Woken by every new breadcrumb, progress, status change and renewal, and by `close`. */
  readonly changes: Waiters
  readonly #publisher: BreadcrumbPublisher
  readonly #epochs: Epochs
  readonly #limits: CacheLimits
  readonly #clock: Clock
  readonly #writer: CacheWriter
  readonly #observer: CacheObserver | undefined
  readonly #followers: FollowerCounts
  readonly #leases: Leases

  constructor(options: SnapshotCacheOptions) {
    checkCacheOptions(options)
    const { clock, engine, validate } = options
    const observer = guarded(options.observer)
    this.#limits = { ...CACHE_LIMITS, ...options.limits }
    this.#clock = clock
    this.#publisher = new BreadcrumbPublisher(clock, observer)
    this.changes = this.#publisher.changes
    this.#epochs = new Epochs({ clock, engine, validate, limits: this.#limits })
    const context = { epochs: this.#epochs, publisher: this.#publisher }
    this.#writer = new CacheWriter(context, { clock, observer, limits: this.#limits })
    this.#observer = observer
    this.#followers = new FollowerCounts(observer)
    this.#leases = new Leases(clock)
  }

  /**
   * Makes a cache of an image, and serves it at once. Its status is `waiting` until a syncer sets
   * another. The syncer lists again or, if the source still has the history, watches on after
   * `contiguous`.
   *
   * @param image the bytes of `save`, whole or in any pieces.
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

  // Write side: the syncer.

  /**
   * Begins an epoch of the source, or goes on with it. Another epoch than the present one is filled
   * beside it, by the resync that follows, and replaces it when that ends; until then the old one
   * is served.
   *
   * @param metadata is kept for the caller as `metadata`, also in an image.
   */
  renew(epoch: string, metadata?: string): void {
    this.#writer.renew(epoch, metadata)
  }

  /** Begins a list. Its entries are not served before `endResync`. */
  beginResync(): void {
    this.#writer.beginResync()
  }

  /**
   * Abandons the list; the watch goes on after `contiguous`. No new version is served until the
   * watch has passed the highest revision of the list's entries.
   *
   * @throws {MemoryFullError} the last page was not kept; the status becomes `stale`.
   */
  abortResync(): void {
    this.#writer.abortResync()
  }

  /**
   * Applies one page of a list. Entries at the same revision or a newer one stay.
   *
   * @throws {SourceError} the list is older than what is known already.
   * @throws {ValueError} a value is not bytes: the page was not applied.
   * @throws {MemoryFullError} the page was not applied; the status becomes `stale`.
   */
  applyList(page: ListPage): Promise<void> {
    return this.#writer.applyList(page)
  }

  /**
   * Applies commits of the watch: all since `contiguous` or, beside a list, since the revision of
   * that list. Each event is applied by itself; commits that were applied before, or that the list
   * contains, are skipped. A deleted directory deletes each of its keys; it must not come beside a
   * list, because a page to come may bring a key back.
   *
   * @throws {ValueError} a value is not bytes: its chunk, and those after it, were not applied.
   * @throws {MemoryFullError} a chunk, and those after it, were not applied; the status becomes
   *   `stale`.
   */
  applyCommits(commits: readonly Commit[]): Promise<void> {
    return this.#writer.applyCommits(commits)
  }

  /**
   * Ends the list, which is whole as of `revision`: deletes the entries that it lacks, and serves
   * the result.
   *
   * @throws {MemoryFullError} some entries were not deleted: begin the list again.
   */
  endResync(revision: Revision): Promise<void> {
    return this.#writer.endResync(revision)
  }

  /**
   * Notes that the source has sent everything up to `revision`.
   *
   * @throws {MemoryFullError} it was not noted; the status becomes `stale`.
   */
  progress(revision: Revision): void {
    this.#writer.progress(revision)
  }

  /** Sets the status of the link, after the data that it covers. A repeat does nothing. */
  setStatus(status: Status, code?: SyncErrorCode): void {
    this.#publisher.setStatus(status, code)
  }

  /** Notes that the source answered. */
  contact(): void {
    this.#publisher.contact()
  }

  /**
   * The revision after which a watch goes on, in the epoch that is being filled.
   */
  get contiguous(): Revision {
    return this.#epochs.contiguous
  }

  /** The metadata given with the newest epoch, served or not yet. An image keeps it. */
  get metadata(): string | undefined {
    return this.#epochs.metadata
  }

  // Read side.

  /** The epoch that is served; `undefined` until a version is complete. */
  get epoch(): string | undefined {
    return this.#epochs.serving?.epoch
  }

  /** The newest complete state; `undefined` until there is one. */
  get current(): Breadcrumb | undefined {
    return this.#publisher.current
  }

  /** The position of `current`: not below its reach, and above it when the source is quiet. */
  get position(): Position | undefined {
    const epochState = this.#epochs.serving
    return epochState === undefined
      ? undefined
      : { epoch: epochState.epoch, revision: epochState.served }
  }

  /** The lowest position from which a reader can resume. */
  get oldestPosition(): Position | undefined {
    const epochState = this.#epochs.serving
    const revision = epochState?.versions.oldest
    return epochState === undefined || revision === undefined
      ? undefined
      : { epoch: epochState.epoch, revision }
  }

  /** The link to the source, with the facts that an operator needs. */
  get report(): StatusReport {
    return this.#publisher.report(this.#epochs.serving?.validator.count ?? 0)
  }

  /**
   * True once this cache was in sync with its source. Before, a complete version may be an old
   * state: a source that keeps its history is read from its beginning.
   */
  get wasInSync(): boolean {
    return this.#publisher.wasInSync
  }

  /** Up to 10 entries of the source that are absent because they are invalid. */
  get invalidSample(): readonly InvalidEntry[] {
    return this.#epochs.serving?.validator.sample ?? []
  }

  /** True once `close` was called. */
  get closed(): boolean {
    return this.#publisher.closed
  }

  /** The memory of the cache as of now: `EngineStats` of all epochs together. */
  get memory(): CacheMemory {
    return memoryOf(this.#epochs.engines())
  }

  /** Locates a reader at `position`. Revision 0 of any epoch is "nothing held". */
  locate(position: Position): Location {
    checkPosition(position)
    if (position.revision === 0) return { type: "fresh" }
    const epochState = this.#epochs.serving
    if (epochState === undefined) return { type: "ahead" }
    if (position.epoch !== epochState.epoch) return { type: "reset", reason: "epoch-changed" }
    return epochState.versions.locate(position.revision, epochState.served)
  }

  /**
   * The lag of a reader that stands at `version`, in ms: from the first breadcrumb after `version`
   * to the newest one. Too short by up to 0.1 s, and beyond 25 s by up to 1/256 of `historyMs`.
   */
  lagMs(version: number): number {
    return this.#epochs.compaction?.lagMs(version) ?? 0
  }

  /** The entry of a key in the newest complete state. */
  get(key: string): Entry | undefined {
    return this.current?.snapshot.getEntry(key)
  }

  /**
   * Follows in this process; see `follow.ts` for the order of frames.
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
   * Writes an image of the epoch that is served, in pieces, for `load`: entries, tombstones, table
   * and gaps, so that every position that can be resumed here can be resumed there. `undefined`
   * before a version is complete. Take the pieces at once, or pin `current` meanwhile.
   */
  save(): Generator<Uint8Array> | undefined {
    const { current } = this
    return current && saveEpoch(current.epochState, current.snapshot, this.metadata)
  }

  /** Closes the cache: readers reject with a `ClosedError`, and all memory is freed. */
  async close(): Promise<void> {
    if (this.closed) return
    this.#publisher.close()
    this.#leases.close()
    this.#epochs.dispose()
  }

  /** Asserts what holds between two calls, down to the table of versions. For tests. */
  assertInvariants(): void {
    this.#epochs.assertInvariants()
    const { current } = this
    const serving = this.#epochs.serving
    if (this.closed) return
    assert((current === undefined) === (serving === undefined), "what is complete is served")
    if (current === undefined || serving === undefined) return
    assert(current.epochState === serving, "the newest breadcrumb is of the epoch that is served")
    assert(current.snapshot.complete, "readers see complete versions")
    assert(serving.served >= current.snapshot.reach, "the position is not below the reach")
    assert(current.snapshot.version >= serving.versions.newest, "the newest version is served")
  }
}
