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
import type { ActiveEpoch, Epochs } from "./epochs.ts"
import type { CacheLimits } from "./limits.ts"
import type { CacheObserver } from "./observer.ts"
import type { Publisher } from "./publisher.ts"
import { checkRevision } from "./source-revision.ts"

/**
 * What the syncer does to a cache, one thing at a time: applies it to the life that is written to,
 * publishes what is complete, and tidies up after each chunk. Long calls give way to others.
 *
 * What fails leaves the state of the last commit. See `SnapshotCache` for each call.
 */
export class Writer {
  readonly #epochs: Epochs
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #limits: CacheLimits
  readonly #budget: YieldBudget
  readonly #observer: CacheObserver | undefined
  #busy = false
  #resyncBegan = 0

  constructor(
    parts: { readonly epochs: Epochs; readonly publisher: Publisher },
    options: {
      readonly clock: Clock
      readonly limits: CacheLimits
      readonly observer: CacheObserver | undefined
    },
  ) {
    this.#epochs = parts.epochs
    this.#publisher = parts.publisher
    this.#clock = options.clock
    this.#limits = options.limits
    this.#observer = options.observer
    this.#budget = new YieldBudget(this.#clock, this.#limits.sliceMs)
  }

  /** A life begins, or goes on. */
  renew(epoch: string, memo: string | undefined): void {
    this.#assertIdle()
    this.#epochs.renew(epoch, memo)
  }

  /** A list begins. */
  beginResync(): void {
    this.#assertIdle()
    this.#resyncBegan = this.#clock.elapsed()
    this.#epochs.target.epochState.beginResync()
  }

  /** The list is given up. */
  abortResync(): void {
    this.#atOnce((target) => {
      target.epochState.abortResync()
      this.#publish(target, target.epochState.commit())
    })
  }

  /** A page of the list. */
  applyList(page: ListPage): Promise<void> {
    return this.#serially(async (target) => {
      const { epochState } = target
      checkRevision(page.revision)
      epochState.checkList(page.revision)
      const entries = epochState.validator.admitListed(page.entries, page.invalid)
      for (let start = 0; start < entries.length; start += this.#limits.chunkUpdatesMax) {
        epochState.applyListed(entries.slice(start, start + this.#limits.chunkUpdatesMax))
        await this.#giveWay()
      }
      epochState.commit()
      await this.#tidy(target)
    })
  }

  /** What the watch told. */
  applyCommits(commits: readonly Commit[]): Promise<void> {
    return this.#serially(async (target) => {
      const { epochState } = target
      for (const { revision } of commits) checkRevision(revision)
      const untold = commits.filter(({ revision }) => !epochState.hasTold(revision))
      for (const chunk of chunksIn(untold, epochState, this.#limits.chunkUpdatesMax)) {
        if (chunk === undefined) {
          await this.#giveWay()
          continue
        }
        const served = epochState.served
        this.#publish(target, epochState.apply(chunk), epochState.served > served)
        this.#observer?.onApply?.({ updates: chunk.updates.length })
        await this.#tidy(target)
      }
    })
  }

  /** The list is whole. */
  endResync(revision: Revision): Promise<void> {
    return this.#serially(async (target) => {
      const { epochState } = target
      checkRevision(revision)
      epochState.checkList(revision)
      while (!epochState.sweepUnseen(revision, this.#limits.chunkUpdatesMax)) await this.#giveWay()
      this.#publish(target, epochState.endResync(revision), true)
      const durationMs = this.#clock.elapsed() - this.#resyncBegan
      this.#observer?.onResync?.({ entries: epochState.trie.size, durationMs })
      await this.#tidy(target)
    })
  }

  /** The source has nothing more up to here. */
  progress(revision: Revision): void {
    this.#atOnce((target) => {
      checkRevision(revision)
      const served = target.epochState.served
      this.#publish(target, target.epochState.progress(revision), target.epochState.served > served)
    })
  }

  #assertIdle(): void {
    if (this.#publisher.closed) throw new ClosedError("shutdown")
    assert(!this.#busy, "the writer does one thing at a time")
  }

  #atOnce(task: (target: ActiveEpoch) => void): void {
    this.#assertIdle()
    const target = this.#epochs.target
    try {
      task(target)
    } catch (error) {
      this.#afterFailure(target, error)
      throw error
    }
  }

  async #serially(task: (target: ActiveEpoch) => Promise<void>): Promise<void> {
    this.#assertIdle()
    const target = this.#epochs.target
    this.#busy = true
    this.#budget.begin()
    try {
      await task(target)
    } catch (error) {
      this.#afterFailure(target, error)
      throw error
    } finally {
      this.#busy = false
    }
  }

  #afterFailure({ epochState }: ActiveEpoch, error: unknown): void {
    if (!epochState.disposed) epochState.forget()
    if (!(error instanceof MemoryFullError)) return
    this.#observer?.onMemoryFull?.()
    this.#publisher.setStatus("stale", error.code)
  }

  async #giveWay(): Promise<void> {
    if ((await this.#budget.giveWay()) && this.#publisher.closed) throw new ClosedError("shutdown")
  }

  async #tidy({ epochState, compaction }: ActiveEpoch): Promise<void> {
    const { swept } = compaction.slice()
    if (swept !== undefined) this.#publisher.replace(epochState, swept)
    await this.#giveWay()
  }

  // `moved`: everything up to a later revision has been told, be it that nothing changed.
  #publish(target: ActiveEpoch, snapshot: Snapshot | undefined, moved = false): void {
    if (snapshot !== undefined) {
      target.compaction.sample(snapshot.version)
      this.#publisher.publish(target.epochState, snapshot)
      this.#epochs.swapIn(target)
    }
    if (snapshot !== undefined || moved) this.#publisher.wake()
  }
}

/** Cuts long work into slices, so that no turn of the event loop takes longer than `sliceMs`. */
class YieldBudget {
  readonly #clock: Clock
  readonly #sliceMs: number
  #began = 0

  constructor(clock: Clock, sliceMs: number) {
    this.#clock = clock
    this.#sliceMs = sliceMs
  }

  /** Starts a slice. */
  begin(): void {
    this.#began = this.#clock.elapsed()
  }

  /** Yields to other tasks if the slice is over. Returns whether it did. */
  async giveWay(): Promise<boolean> {
    if (this.#clock.elapsed() - this.#began < this.#sliceMs) return false
    await this.#clock.yield()
    this.begin()
    return true
  }
}
