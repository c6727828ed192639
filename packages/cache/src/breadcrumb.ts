import type { Delta, Status } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { EpochState } from "./epoch-state.ts"

/** The fields of a breadcrumb. */
export interface BreadcrumbParts {
  readonly sequence: number
  readonly timestamp: number
  readonly snapshot: Snapshot
  readonly status: Status
  readonly epochState: EpochState
  /** See `Breadcrumb.since`. */
  readonly since: number | undefined
  /** Resolves with the newest breadcrumb once its sequence is above the given one. */
  readonly after: (sequence: number, signal?: AbortSignal) => Promise<Breadcrumb>
}

/**
 * A complete state of the source, as readers meet it: immutable, and whole.
 *
 * The cache holds the newest one and disposes of its snapshot when the next one is there. A reader
 * that reads across an `await` pins it (`PinnedSnapshot`).
 *
 * A sweep replaces the newest breadcrumb by one with the same sequence and entries, over a later
 * version without the tombstones that were swept. No waiter is woken for it.
 *
 * Breadcrumbs are not linked to each other: an old one pins no later one, and `next` leads to the
 * newest. Source: Typha's `snapcache.Breadcrumb`.
 *
 * Decision: docs/decisions/cache.md, “Breadcrumbs are not linked”.
 */
export class Breadcrumb {
  /** 1 for the first of the cache, then consecutive: after n, n + 2 means that one was skipped. */
  readonly sequence: number
  /** When it was made, ms since 1970. */
  readonly timestamp: number
  readonly snapshot: Snapshot
  /** The link to the source, once everything in `snapshot` was applied. */
  readonly status: Status
  readonly epochState: EpochState
  /**
   * The version that `deltas` starts from; 0 when it is the first of its epoch, `undefined` when
   * a sweep has passed it.
   */
  readonly since: number | undefined
  readonly #after: BreadcrumbParts["after"]

  constructor(parts: BreadcrumbParts) {
    this.sequence = parts.sequence
    this.timestamp = parts.timestamp
    this.snapshot = parts.snapshot
    this.status = parts.status
    this.epochState = parts.epochState
    this.since = parts.since
    this.#after = parts.after
  }

  /**
   * Reads the changes since the breadcrumb before: `state(n) + deltas(n + 1) = state(n + 1)`. One
   * delta for each key. The first of an epoch has all entries, as puts. Cost: proportional to the
   * changes. `undefined` when they were swept: then history is shorter than one breadcrumb.
   *
   * After one that was skipped, ask `snapshot.changesSince` of the version that you hold.
   */
  deltas(): IterableIterator<Delta> | undefined {
    return this.since === undefined ? undefined : this.snapshot.changesSince(this.since)
  }

  /**
   * Resolves with the newest breadcrumb as soon as there is one after this. *Closed > data >
   * cancelled*: a breadcrumb that is there already is returned even if the signal is aborted.
   *
   * @throws {ClosedError} the cache is closed.
   * @throws `signal.reason`
   */
  next(signal?: AbortSignal): Promise<Breadcrumb> {
    return this.#after(this.sequence, signal)
  }
}
