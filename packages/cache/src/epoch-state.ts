import { assert, type Clock, type Entry, type Revision, SourceError } from "@headwater/core"
import {
  createEngine,
  type Engine,
  type EngineOptions,
  type Snapshot,
  type Trie,
} from "@headwater/core/engine"
import { type Chunk, unmerged } from "./batch.ts"
import { Trail } from "./follow/trail.ts"
import type { CacheLimits } from "./limits.ts"
import { type Validate, Validator } from "./validator.ts"
import { type SavedVersions, Versions } from "./versions.ts"

/** Options that all epoch states of a cache share. */
export interface EpochOptions {
  readonly engine: EngineOptions | undefined
  readonly clock: Clock
  readonly limits: CacheLimits
  readonly validate: Validate | undefined
}

/** The part of an epoch state that an image keeps beside the engine. */
export interface SavedEpoch {
  /** Everything up to this revision is in the version that was saved. */
  readonly served: Revision
  readonly versions: SavedVersions
}

/** An engine to begin with: empty, or loaded from an image, and then complete. */
export interface EpochStart {
  readonly engine: Engine
  readonly saved?: SavedEpoch
}

/**
 * One epoch of a source: an engine of its own, and how far the source has been followed.
 *
 *     contiguous   the source has sent everything up to here, and it was applied
 *     reach        the highest revision that the trie holds; above `contiguous` while a list is
 *                  applied, after one that was given up, and inside a commit of several chunks
 *     served       the position of the newest complete version, which readers see
 *
 * A version is complete exactly when something is known of the source, no list is running, and
 * `contiguous` is not below `reach`. Only complete versions leave this class.
 *
 * The cache holds it while it is filled or served, and so does each pinned snapshot. The last
 * holder disposes of the engine; the cache does so at the latest when it is closed.
 */
export class EpochState {
  readonly epoch: string
  /** The memory of this epoch; makes filters. */
  readonly engine: Engine
  readonly trie: Trie
  readonly versions: Versions
  readonly validator: Validator
  readonly trail: Trail
  #holders = 1
  #disposed = false
  #contiguous: Revision = 0
  #reach: Revision = 0
  #served: Revision = 0
  #watchedBesideList: Revision = 0
  #listRevision: Revision = 0
  #resyncing = false
  #whole = false

  /** @param start is owned by this object from now on; an empty engine by default. */
  constructor(epoch: string, options: EpochOptions, start?: EpochStart) {
    this.epoch = epoch
    this.engine = start?.engine ?? createEngine(options.engine)
    this.trie = this.engine.trie()
    this.versions = new Versions(options.limits, start?.saved?.versions)
    this.validator = new Validator(options.validate, options.limits)
    this.trail = new Trail(this.engine, options.clock)
    if (start?.saved === undefined) return
    const base = this.trie.snapshot()
    this.#reach = base.reach
    base.dispose()
    this.#contiguous = start.saved.served
    this.#served = start.saved.served
    this.#whole = true
  }

  /** The oldest version from which changes can be read. */
  get horizon(): number {
    return this.trie.horizon
  }

  /**
   * The revision after which a watch continues: all changes up to it are applied. 0 before the
   * first list.
   */
  get contiguous(): Revision {
    return this.#contiguous
  }

  /** The position of readers: everything up to here is in the newest complete version. */
  get served(): Revision {
    return this.#served
  }

  /** True while a list is being applied. */
  get resyncing(): boolean {
    return this.#resyncing
  }

  /** True if the newest version is complete. */
  get whole(): boolean {
    return this.#whole
  }

  /** True once the engine is gone: nothing of this epoch can be read any more. */
  get disposed(): boolean {
    return this.#disposed
  }

  /** Adds a holder: the engine stays until the last one releases it, or the cache is closed. */
  retain(): this {
    assert(!this.#disposed, "an epoch state is retained before it is disposed of")
    this.#holders++
    return this
  }

  /** Drops a holder. The last one frees the memory. */
  release(): void {
    if (this.#disposed) return
    this.#holders--
    assert(this.#holders >= 0, "each holder releases an epoch state once")
    if (this.#holders === 0) this.dispose()
  }

  /** Frees the memory, also under readers that hold it. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.trail.close()
    this.engine.dispose()
  }

  /** Begins a list. A list that was running is abandoned for it. */
  beginResync(): void {
    this.trie.beginResync()
    this.validator.beginList()
    this.#watchedBesideList = 0
    this.#listRevision = 0
    this.#resyncing = true
  }

  /**
   * Checks that a page or the end belongs to the list that runs, which is as of `revision`.
   *
   * @throws {SourceError} the list is older than what is known already.
   */
  checkList(revision: Revision): void {
    assert(this.#resyncing, "a page or an end belongs to a list that was begun")
    assert(
      this.#listRevision === 0 || revision === this.#listRevision,
      "all pages of a list are of one revision",
    )
    if (revision < this.#contiguous) {
      throw new SourceError(
        `the source listed revision ${revision}, below revision ${this.#contiguous} ` +
          "that it sent before; list again",
      )
    }
    this.#listRevision = revision
  }

  /** Abandons the list; the watch goes on after `contiguous`. */
  abortResync(): void {
    if (!this.#resyncing) return
    this.trie.endResync()
    this.validator.abortList()
    this.#resyncing = false
    this.#watchedBesideList = 0
    this.#listRevision = 0
  }

  /** Applies a part of a list to the open edit. */
  applyListed(entries: readonly Entry[]): void {
    this.trie.applyListed(entries)
    for (const { revision } of entries) this.#reach = Math.max(this.#reach, revision)
  }

  /** Deletes some of the entries that the list lacks. Returns true when none is left. */
  sweepUnseen(revision: Revision, entriesBudget: number): boolean {
    return this.trie.sweepUnseen(revision, entriesBudget)
  }

  /** Ends the list, which is whole as of `revision`, and commits; see `commit`. */
  endResync(revision: Revision): Snapshot | undefined {
    const from = this.#contiguous
    const reach = Math.max(revision, this.#reach)
    const isFirst = from === 0 && this.versions.rows === 0
    const contiguous = Math.max(revision, this.#watchedBesideList)
    const snapshot = this.#commit({ contiguous, reach, resyncing: false, isListed: true })
    this.trie.endResync()
    this.validator.endList()
    this.#watchedBesideList = 0
    this.#listRevision = 0
    // Entries that came and went between `from` and the list left no trace here. Nor did the list's
    // entries of keys that the trie holds at a newer revision, from commits beside the list or from
    // an abandoned one: up to `reach`, a reader from another hub may hold entries that this hub
    // cannot tell to be gone. Before the first list nothing is servable at all.
    if (!isFirst) this.versions.gap(from, reach)
    return snapshot
  }

  /** True if this commit was applied before, or is in the list that is being applied. */
  hasApplied(revision: Revision): boolean {
    return revision <= Math.max(this.#contiguous, this.#watchedBesideList, this.#listRevision)
  }

  /**
   * Applies a chunk and commits; see `commit`.
   *
   * Every update is written, also one that is older than an entry of an abandoned list: a reader
   * from another hub may hold a value that came and went, and must then be sent the value that is
   * written here, not a touch.
   */
  apply(chunk: Chunk): Snapshot | undefined {
    // Beside a list, an absent key may be in a page to come, which must find a tombstone.
    const isAbsent = (key: string) => !this.#resyncing && !this.trie.has(key)
    const updates = unmerged(chunk.updates, (key) => this.trie.get(key))
    const admitted = this.validator.admit(updates, isAbsent)
    if (admitted.length > 0) {
      this.trie.apply(admitted)
      this.#reach = Math.max(this.#reach, chunk.revision)
    }
    const snapshot = chunk.whole ? this.progress(chunk.revision) : this.commit()
    this.validator.settle()
    return snapshot
  }

  /** Notes that the source has sent everything up to `revision`, and commits; see `commit`. */
  progress(revision: Revision): Snapshot | undefined {
    if (!this.#resyncing) return this.commit(Math.max(this.#contiguous, revision))
    const snapshot = this.commit()
    this.#watchedBesideList = Math.max(this.#watchedBesideList, revision)
    return snapshot
  }

  /**
   * Commits the open edit, if it has writes or if it makes the state complete again.
   *
   * @param contiguous the source has sent everything up to here, once this is committed.
   * @returns the new complete version, which the caller disposes of; `undefined` when the version
   *   is not complete, or when nothing changed.
   * @throws {MemoryFullError} there is no room: the open edit is dropped, and nothing else changed.
   */
  commit(contiguous: Revision = this.#contiguous): Snapshot | undefined {
    return this.#commit({ contiguous, reach: this.#reach, resyncing: this.#resyncing })
  }

  /**
   * Raises the horizon and removes some of the tombstones below it, as a version with the same
   * reach, which wakes no reader. Only while the state is complete.
   *
   * @returns `done`: nothing is left to sweep; `swept`: a handle on that version, if one was made.
   */
  sweep(
    horizon: number,
    bounds: { readonly bytesMax: number; readonly entriesMax: number },
  ): { done: boolean; swept?: Snapshot } {
    assert(this.#whole && !this.trie.dirty, "a sweep starts from a complete version")
    assert(horizon <= this.versions.newest, "the newest version stays servable")
    const before = this.trie.version
    const done = this.trie.sweep(horizon, bounds)
    this.versions.prune(this.trie.horizon)
    return this.trie.version === before ? { done } : { done, swept: this.trie.snapshot() }
  }

  /** Drops a chunk or page that failed: the state is that of the last commit. */
  forget(): void {
    if (this.trie.dirty) this.trie.abort()
    this.validator.forget()
  }

  /** Asserts what holds between two calls, beside the trie's own invariants. For tests. */
  assertInvariants(): void {
    if (this.#disposed) return
    assert(this.#holders > 0, "an epoch state that is not disposed of has a holder")
    assert(this.#served <= this.#contiguous, "readers see nothing that the source has not sent")
    if (this.#whole && !this.#resyncing && !this.trie.dirty) {
      assert(this.#contiguous >= this.#reach, "a complete state reaches no further than is known")
      assert(this.#served === this.#contiguous, "a complete state is served as far as is known")
    }
    const base = this.trie.snapshot()
    try {
      assert(base.reach <= this.#reach, "no version reaches further than the open edit")
      assert(!base.complete || this.versions.newest > 0, "a complete version has a row")
      assert(this.versions.newest <= base.version, "rows are of versions that were committed")
      assert(this.horizon <= base.version, "the horizon is a committed version")
    } finally {
      base.dispose()
    }
    this.versions.assertInvariants()
    const oldest = this.versions.oldestVersion
    assert(oldest === undefined || oldest >= this.horizon, "rows are not below the horizon")
  }

  // The fields move after the commit: when it fails for lack of memory, the source sends it again.
  #commit(to: {
    readonly contiguous: Revision
    readonly reach: Revision
    readonly resyncing: boolean
    /** This ends a list. */
    readonly isListed?: boolean
  }): Snapshot | undefined {
    const { contiguous, reach, resyncing, isListed = false } = to
    // After an abandoned first list nothing is known: the empty trie is not a state of the source.
    const isKnown = isListed || contiguous > 0 || this.versions.rows > 0
    const complete = isKnown && !resyncing && contiguous >= reach
    const isNew = this.trie.dirty || (complete && !this.#whole)
    const snapshot = isNew ? this.trie.commit({ reach, complete }) : undefined
    this.#contiguous = contiguous
    this.#reach = reach
    this.#resyncing = resyncing
    if (complete) this.#served = contiguous
    if (snapshot === undefined) return undefined
    this.#whole = complete
    if (complete) {
      this.versions.complete(reach, snapshot.version)
      return snapshot
    }
    snapshot.dispose()
    return undefined
  }
}
