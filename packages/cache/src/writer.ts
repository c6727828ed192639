import {
  assert,
  type Clock,
  ClosedError,
  type Commit,
  type ListPage,
  MemoryFullError,
  type Revision,
} from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import { chunksIn } from "./directories.ts"
import type { CacheLimits } from "./limits.ts"
import type { Lives, Tended } from "./lives.ts"
import type { CacheObserver } from "./observer.ts"
import { Pace } from "./pace.ts"
import type { Publication } from "./publication.ts"
import { checkRevision } from "./source-revision.ts"

/**
 * What the syncer does to a cache, one thing at a time: applies it to the life that is written to,
 * publishes what is complete, and tidies up after each chunk. Long calls give way to others.
 *
 * What fails leaves the state of the last commit. See `SnapshotCache` for each call.
 */
export class Writer {
  readonly #lives: Lives
  readonly #publication: Publication
  readonly #clock: Clock
  readonly #limits: CacheLimits
  readonly #pace: Pace
  readonly #observer: CacheObserver | undefined
  #busy = false
  #resyncBegan = 0

  constructor(
    parts: { readonly lives: Lives; readonly publication: Publication },
    options: {
      readonly clock: Clock
      readonly limits: CacheLimits
      readonly observer: CacheObserver | undefined
    },
  ) {
    this.#lives = parts.lives
    this.#publication = parts.publication
    this.#clock = options.clock
    this.#limits = options.limits
    this.#observer = options.observer
    this.#pace = new Pace(this.#clock, this.#limits.sliceMs)
  }

  /** A life begins, or goes on. */
  renew(epoch: string, memo: string | undefined): void {
    this.#assertIdle()
    this.#lives.renew(epoch, memo)
  }

  /** A list begins. */
  beginResync(): void {
    this.#assertIdle()
    this.#resyncBegan = this.#clock.elapsed()
    this.#lives.target.life.beginResync()
  }

  /** The list is given up. */
  abortResync(): void {
    this.#atOnce((target) => {
      target.life.abortResync()
      this.#publish(target, target.life.commit())
    })
  }

  /** A page of the list. */
  applyList(page: ListPage): Promise<void> {
    return this.#serially(async (target) => {
      const { life } = target
      checkRevision(page.revision)
      life.checkList(page.revision)
      const entries = life.screen.admitListed(page.entries, page.invalid)
      for (let start = 0; start < entries.length; start += this.#limits.chunkUpdatesMax) {
        life.applyListed(entries.slice(start, start + this.#limits.chunkUpdatesMax))
        await this.#giveWay()
      }
      life.commit()
      await this.#tidy(target)
    })
  }

  /** What the watch told. */
  applyCommits(commits: readonly Commit[]): Promise<void> {
    return this.#serially(async (target) => {
      const { life } = target
      for (const { revision } of commits) checkRevision(revision)
      const untold = commits.filter(({ revision }) => !life.hasTold(revision))
      for (const chunk of chunksIn(untold, life, this.#limits.chunkUpdatesMax)) {
        if (chunk === undefined) {
          await this.#giveWay()
          continue
        }
        const served = life.served
        this.#publish(target, life.apply(chunk), life.served > served)
        this.#observer?.onApply?.({ updates: chunk.updates.length })
        await this.#tidy(target)
      }
    })
  }

  /** The list is whole. */
  endResync(revision: Revision): Promise<void> {
    return this.#serially(async (target) => {
      const { life } = target
      checkRevision(revision)
      life.checkList(revision)
      while (!life.sweepUnseen(revision, this.#limits.chunkUpdatesMax)) await this.#giveWay()
      this.#publish(target, life.endResync(revision), true)
      const durationMs = this.#clock.elapsed() - this.#resyncBegan
      this.#observer?.onResync?.({ entries: life.trie.size, durationMs })
      await this.#tidy(target)
    })
  }

  /** The source has nothing more up to here. */
  progress(revision: Revision): void {
    this.#atOnce((target) => {
      checkRevision(revision)
      const served = target.life.served
      this.#publish(target, target.life.progress(revision), target.life.served > served)
    })
  }

  #assertIdle(): void {
    if (this.#publication.closed) throw new ClosedError("shutdown")
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
    this.#publication.setStatus("stale", error.code)
  }

  async #giveWay(): Promise<void> {
    if ((await this.#pace.giveWay()) && this.#publication.closed) throw new ClosedError("shutdown")
  }

  async #tidy({ life, upkeep }: Tended): Promise<void> {
    const { swept } = upkeep.slice()
    if (swept !== undefined) this.#publication.replace(life, swept)
    await this.#giveWay()
  }

  // `moved`: everything up to a later revision has been told, be it that nothing changed.
  #publish(target: Tended, snapshot: Snapshot | undefined, moved = false): void {
    if (snapshot !== undefined) {
      target.upkeep.sample(snapshot.version)
      this.#publication.publish(target.life, snapshot)
      this.#lives.swapIn(target)
    }
    if (snapshot !== undefined || moved) this.#publication.wake()
  }
}
