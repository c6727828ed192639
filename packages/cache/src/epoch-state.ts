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

/** What every life of a cache is made with. */
export interface EpochOptions {
  readonly engine: EngineOptions | undefined
  readonly clock: Clock
  readonly limits: CacheLimits
  readonly validate: Validate | undefined
}

/** What a life was when an image of it was taken. */
export interface SavedEpoch {
  /** Everything up to here was told, and is in the version that was saved. */
  readonly told: Revision
  readonly versions: SavedVersions
}

/** An engine to begin with: empty, or as an image brought it, and then complete. */
export interface EpochStart {
  readonly engine: Engine
  readonly saved?: SavedEpoch
}

/**
 * One life of a source: its epoch, an engine of its own, and how far the source has told it.
 *
 *     contiguous   everything up to here has been told and applied
 *     reach        the highest revision that the trie holds; above `contiguous` while a list is
 *                  applied, after one that was given up, and inside a commit of several chunks
 *     served       the position of the newest complete version: what readers may be told
 *
 * A version is complete exactly when the source has told something, no list is running, and
 * `contiguous` is not below `reach`. Only complete versions leave this class.
 *
 * Held by the cache while it is filled or served, and by each reader's lease. The last one to let
 * go disposes of the engine; the cache does so at the latest when it is closed.
 */
export class EpochState {
  /** One life of one source. */
  readonly epoch: string
  /** The memory of this life; for making filters. */
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
  #toldMeanwhile: Revision = 0
  #listRevision: Revision = 0
  #resyncing = false
  #whole = false

  /** @param start the life's own from now on; an empty engine by default. */
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
    this.#contiguous = start.saved.told
    this.#served = start.saved.told
    this.#whole = true
  }

  /** The oldest version whose changes can still be told. */
  get horizon(): number {
    return this.trie.horizon
  }

  /** Everything up to here has been told; where a watch goes on after. 0 before the first list. */
  get contiguous(): Revision {
    return this.#contiguous
  }

  /** What readers may be told: everything up to here is in the newest complete version. */
  get served(): Revision {
    return this.#served
  }

  /** Whether a list is being applied. */
  get resyncing(): boolean {
    return this.#resyncing
  }

  /** Whether the newest version is complete. */
  get whole(): boolean {
    return this.#whole
  }

  /** Whether the engine is gone: nothing of this life can be read any more. */
  get disposed(): boolean {
    return this.#disposed
  }

  /** Takes a lease: the engine stays as long as somebody has one, or until the cache is closed. */
  retain(): this {
    assert(!this.#disposed, "a life that is over cannot be retained")
    this.#holders++
    return this
  }

  /** Gives a lease back. The last one frees the memory. */
  release(): void {
    if (this.#disposed) return
    this.#holders--
    assert(this.#holders >= 0, "a lease is given back once")
    if (this.#holders === 0) this.dispose()
  }

  /** Frees the memory, whoever still holds a lease. Twice is harmless. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.trail.close()
    this.engine.dispose()
  }

  /** A list begins. One that was running is given up for it. */
  beginResync(): void {
    this.trie.beginResync()
    this.validator.beginList()
    this.#toldMeanwhile = 0
    this.#listRevision = 0
    this.#resyncing = true
  }

  /**
   * What is applied next is of a list as of `revision`.
   *
   * @throws {SourceError} the list is older than what the source has told already.
   */
  checkList(revision: Revision): void {
    assert(this.#resyncing, "a page or an end belongs to a list that was begun")
    assert(
      this.#listRevision === 0 || revision === this.#listRevision,
      "all pages of a list are of one revision",
    )
    if (revision < this.#contiguous) {
      throw new SourceError(`a list of revision ${revision}, but ${this.#contiguous} has been told`)
    }
    this.#listRevision = revision
  }

  /** The list is given up; the watch goes on after `contiguous`. */
  abortResync(): void {
    if (!this.#resyncing) return
    this.trie.endResync()
    this.validator.abortList()
    this.#resyncing = false
    this.#toldMeanwhile = 0
    this.#listRevision = 0
  }

  /** Applies a part of a list to the open edit. */
  applyListed(entries: readonly Entry[]): void {
    this.trie.applyListed(entries)
    for (const { revision } of entries) this.#reach = Math.max(this.#reach, revision)
  }

  /** Deletes some of what the list did not name. True when nothing is left. */
  sweepUnseen(revision: Revision, entriesBudget: number): boolean {
    return this.trie.sweepUnseen(revision, entriesBudget)
  }

  /** The list is whole as of `revision`. Commits; see `commit`. */
  endResync(revision: Revision): Snapshot | undefined {
    const from = this.#contiguous
    const reach = Math.max(revision, this.#reach)
    const isFirst = from === 0 && this.versions.rows === 0
    const contiguous = Math.max(revision, this.#toldMeanwhile)
    const snapshot = this.#commit({ contiguous, reach, resyncing: false, isListed: true })
    this.trie.endResync()
    this.validator.endList()
    this.#toldMeanwhile = 0
    this.#listRevision = 0
    // What came and went between what was told and the list left no trace here. Nor did what the
    // list says of keys that the trie holds at a newer revision, from commits beside it or from a
    // list that was given up: up to there, a reader from another hub may hold what is told nowhere.
    // Before the first list nothing was told, and nothing is servable.
    if (!isFirst) this.versions.gap(from, reach)
    return snapshot
  }

  /** Whether this commit has been told before, or is in the list that is being applied. */
  hasTold(revision: Revision): boolean {
    return revision <= Math.max(this.#contiguous, this.#toldMeanwhile, this.#listRevision)
  }

  /**
   * Applies a chunk and commits; see `commit`.
   *
   * Every update is written, also one that is older than what a list that was given up has left: a
   * value that came and went may be held by a reader from another hub, and what is written here in
   * its place must then be told as a value, not as a touch.
   */
  apply(chunk: Chunk): Snapshot | undefined {
    // Beside a list a key that is absent may be in a page to come, which must find a tombstone.
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

  /** The source has told everything up to `revision`. Commits; see `commit`. */
  progress(revision: Revision): Snapshot | undefined {
    if (!this.#resyncing) return this.commit(Math.max(this.#contiguous, revision))
    const snapshot = this.commit()
    this.#toldMeanwhile = Math.max(this.#toldMeanwhile, revision)
    return snapshot
  }

  /**
   * Commits the open edit, if there is something in it or if it makes the state whole again.
   *
   * @param contiguous the source has told everything up to here, once this is committed.
   * @returns the new complete version, for whoever publishes it to dispose of; nothing when the
   *   version is not complete, or when nothing changed.
   * @throws {MemoryFullError} there is no room: the open edit is dropped, and nothing else changed.
   */
  commit(contiguous: Revision = this.#contiguous): Snapshot | undefined {
    return this.#commit({ contiguous, reach: this.#reach, resyncing: this.#resyncing })
  }

  /**
   * Raises the horizon and removes some of the tombstones below it, as a version with the same
   * reach, which no reader is told about. Only while the state is whole.
   *
   * @returns whether that was all, and a handle on that version, if there is one.
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

  /** The last chunk or page was not applied: the state is that of the last commit. */
  forget(): void {
    if (this.trie.dirty) this.trie.abort()
    this.validator.forget()
  }

  // Nothing is taken for told before it is committed: without room for the commit it is told again.
  #commit(to: {
    readonly contiguous: Revision
    readonly reach: Revision
    readonly resyncing: boolean
    /** A list has ended with this. */
    readonly isListed?: boolean
  }): Snapshot | undefined {
    const { contiguous, reach, resyncing, isListed = false } = to
    // After a first list that was given up nothing is known: an empty trie is then not a state.
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
