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
import type { CacheFrame } from "./cache-frame.ts"
import {
  checkCacheOptions,
  checkFollow,
  checkPosition,
  type SnapshotCacheOptions,
} from "./cache-options.ts"
import { follow } from "./follow.ts"
import { Followers } from "./followers.ts"
import { saveLife } from "./life-image.ts"
import { CACHE_LIMITS, type CacheLimits } from "./limits.ts"
import { Lives } from "./lives.ts"
import type { Location } from "./location.ts"
import { type CacheObserver, guarded } from "./observer.ts"
import { Publication } from "./publication.ts"
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
  readonly #publication: Publication
  readonly #lives: Lives
  readonly #limits: CacheLimits
  readonly #clock: Clock
  readonly #writer: Writer
  readonly #observer: CacheObserver | undefined
  readonly #followers: Followers

  constructor(options: SnapshotCacheOptions) {
    checkCacheOptions(options)
    const { clock, engine, validate } = options
    const observer = guarded(options.observer)
    this.#limits = { ...CACHE_LIMITS, ...options.limits }
    this.#clock = clock
    this.#publication = new Publication(clock, observer)
    this.changes = this.#publication.changes
    this.#lives = new Lives({ clock, engine, validate, limits: this.#limits })
    const parts = { lives: this.#lives, publication: this.#publication }
    this.#writer = new Writer(parts, { clock, observer, limits: this.#limits })
    this.#observer = observer
    this.#followers = new Followers(observer)
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
    const snapshot = cache.#lives.load(image)
    const { life } = cache.#lives.target
    cache.#publication.publish(life, snapshot)
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
    this.#publication.setStatus(status, code)
  }

  /** The source said something, be it only that it is there. */
  contact(): void {
    this.#publication.contact()
  }

  /**
   * Everything up to here has been told, in the life that is being filled: watch on from the next.
   */
  get contiguous(): Revision {
    return this.#lives.contiguous
  }

  /** What was said with the newest epoch, be that served or not yet. An image brings it back. */
  get memo(): string | undefined {
    return this.#lives.memo
  }

  // What readers do.

  /** The epoch of what is served; `undefined` until something is complete. */
  get epoch(): string | undefined {
    return this.#lives.serving?.epoch
  }

  /** The newest complete state; `undefined` until there is one. */
  get current(): Breadcrumb | undefined {
    return this.#publication.current
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
    return this.#publication.report(this.#lives.serving?.screen.count ?? 0)
  }

  /**
   * Whether this cache was in sync with its source once. Before, what is complete may be a state of
   * long ago: a source that keeps its history is read from there on.
   */
  get wasInSync(): boolean {
    return this.#publication.wasInSync
  }

  /** Up to 10 entries of the source that are absent because they are invalid. */
  get invalidSample(): readonly InvalidEntry[] {
    return this.#lives.serving?.screen.sample ?? []
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#publication.closed
  }

  /** Where a reader at `position` goes on. Revision 0 of any epoch is "nothing held". */
  locate(position: Position): Location {
    checkPosition(position)
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
    })
  }

  /**
   * An image of what is served, in pieces, for `load`: entries, tombstones, table and gaps, so that
   * every position that can be resumed here can be resumed there. Nothing before anything is
   * complete. Take the pieces at once, or hold `current.snapshot` and `current.life` meanwhile.
   */
  save(): Generator<Uint8Array> | undefined {
    const { current } = this
    return current && saveLife(current.life, current.snapshot, this.memo)
  }

  /** Ends everything: readers hear it, and every life's memory is freed, whoever still holds it. */
  async close(): Promise<void> {
    if (this.closed) return
    this.#publication.close()
    this.#lives.dispose()
  }
}
