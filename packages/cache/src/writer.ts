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
import type { BreadcrumbPublisher } from "./publisher.ts"
import { checkRevision } from "./source-revision.ts"

/**
 * The write side of a cache, one call at a time: applies to the epoch that is written to, publishes
 * complete versions, and compacts after each chunk. Long calls yield to other tasks.
 *
 * A call that fails leaves the state of the last commit. See `SnapshotCache` for each call.
 */
export class CacheWriter {
  readonly #epochs: Epochs
  readonly #publisher: BreadcrumbPublisher
  readonly #clock: Clock
  readonly #limits: CacheLimits
  readonly #budget: YieldBudget
  readonly #observer: CacheObserver | undefined
  #busy = false
  #resyncBegan = 0

  constructor(
    context: { readonly epochs: Epochs; readonly publisher: BreadcrumbPublisher },
    options: {
      readonly clock: Clock
      readonly limits: CacheLimits
      readonly observer: CacheObserver | undefined
    },
  ) {
    this.#epochs = context.epochs
    this.#publisher = context.publisher
    this.#clock = options.clock
    this.#limits = options.limits
    this.#observer = options.observer
    this.#budget = new YieldBudget(this.#clock, this.#limits.sliceMs)
  }

  /** Begins an epoch, or goes on with it. */
  renew(epoch: string, metadata: string | undefined): void {
    this.#assertIdle()
    this.#epochs.renew(epoch, metadata)
  }

  /** Begins a list. */
  beginResync(): void {
    this.#assertIdle()
    this.#resyncBegan = this.#clock.elapsed()
    this.#epochs.target.epochState.beginResync()
  }

  /** Abandons the list. */
  abortResync(): void {
    this.#atOnce((target) => {
      target.epochState.abortResync()
      this.#publish(target, target.epochState.commit())
    })
  }

  /** Applies a page of the list. */
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
      await this.#compact(target)
    })
  }

  /** Applies commits of the watch. */
  applyCommits(commits: readonly Commit[]): Promise<void> {
    return this.#serially(async (target) => {
      const { epochState } = target
      for (const { revision } of commits) checkRevision(revision)
      const fresh = commits.filter(({ revision }) => !epochState.hasApplied(revision))
      for (const chunk of chunksIn(fresh, epochState, this.#limits.chunkUpdatesMax)) {
        if (chunk === undefined) {
          await this.#giveWay()
          continue
        }
        const served = epochState.served
        this.#publish(target, epochState.apply(chunk), epochState.served > served)
        this.#observer?.onApply?.({ updates: chunk.updates.length })
        await this.#compact(target)
      }
    })
  }

  /** Ends the list. */
  endResync(revision: Revision): Promise<void> {
    return this.#serially(async (target) => {
      const { epochState } = target
      checkRevision(revision)
      epochState.checkList(revision)
      while (!epochState.sweepUnseen(revision, this.#limits.chunkUpdatesMax)) await this.#giveWay()
      this.#publish(target, epochState.endResync(revision), true)
      const durationMs = this.#clock.elapsed() - this.#resyncBegan
      this.#observer?.onResync?.({ entries: epochState.trie.size, durationMs })
      await this.#compact(target)
    })
  }

  /** Notes that the source has sent everything up to `revision`. */
  progress(revision: Revision): void {
    this.#atOnce((target) => {
      checkRevision(revision)
      const served = target.epochState.served
      this.#publish(target, target.epochState.progress(revision), target.epochState.served > served)
    })
  }

  #assertIdle(): void {
    if (this.#publisher.closed) throw new ClosedError("shutdown")
    assert(!this.#busy, "the writer is called once at a time")
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

  async #compact({ epochState, compaction }: ActiveEpoch): Promise<void> {
    const { swept } = compaction.slice()
    if (swept !== undefined) this.#publisher.replace(epochState, swept)
    await this.#giveWay()
  }

  // `moved`: the position rose, although no entry may have changed.
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
