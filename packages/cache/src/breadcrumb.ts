import type { Delta, Status } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { EpochState } from "./epoch-state.ts"

/** What a breadcrumb is made of. */
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
 * The cache holds the newest one and disposes of its snapshot when the next one is there. Who reads
 * across an `await` takes its own handle (`snapshot.retain()`) and a lease on the life
 * (`life.retain()`), and gives both back.
 *
 * After a sweep the newest breadcrumb is given again with the same sequence and a snapshot that no
 * longer holds what was swept: the same entries, a later version. Nobody is woken for it.
 *
 * Breadcrumbs are not linked to each other: who holds an old one pins no later one, and `next`
 * leads to the newest. Source: Typha's `snapcache.Breadcrumb`.
 */
export class Breadcrumb {
  /** 1 for the first of the cache, then consecutive: who meets n and then n + 2 skipped one. */
  readonly sequence: number
  /** When it was made, ms since 1970. */
  readonly timestamp: number
  readonly snapshot: Snapshot
  /** The link to the source, once everything in `snapshot` was applied. */
  readonly status: Status
  readonly epochState: EpochState
  /**
   * The version that `deltas` starts from; 0 when it is the first of its life, `undefined` when a
   * sweep has passed it.
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
   * What it changed against the one before it: `state(n) + deltas(n + 1) = state(n + 1)`. One delta
   * for each key. The first of a life has all there is, as puts. Cost: proportional to the changes.
   * `undefined` when they were swept: then history is shorter than one breadcrumb.
   *
   * After one that was skipped, ask `snapshot.changesSince` of the version that you hold.
   */
  deltas(): IterableIterator<Delta> | undefined {
    return this.since === undefined ? undefined : this.snapshot.changesSince(this.since)
  }

  /**
   * The newest breadcrumb, as soon as there is one after this. *Closed > data > cancelled*: one
   * that is there already is given also to who has given up, and who waits is woken at once.
   *
   * @throws {ClosedError} the cache is closed.
   * @throws `signal.reason`
   */
  next(signal?: AbortSignal): Promise<Breadcrumb> {
    return this.#after(this.sequence, signal)
  }
}
