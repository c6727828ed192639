import type { Breadcrumb, EpochState } from "@headwater/cache"
import { assert, type Revision, type StatusReport } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"

/** How much a view lets through, and the sum that proves it. */
export interface Sums {
  readonly entries: number
  readonly digest: string
}

/**
 * A complete version, shared by all who walk it: one handle on the snapshot and one lease on its
 * life, counted.
 *
 * Held by the fan-out while it is the newest one, and by leases. The last holder disposes of it.
 */
export class Root {
  readonly snapshot: Snapshot
  readonly life: EpochState
  readonly version: number
  readonly reach: Revision
  /** The hub's link to its source, as last known while this was the newest root. */
  report: StatusReport
  #holders = 1

  constructor(breadcrumb: Breadcrumb, report: StatusReport) {
    this.snapshot = breadcrumb.snapshot.retain()
    this.life = breadcrumb.epochState.retain()
    this.version = this.snapshot.version
    this.reach = this.snapshot.reach
    this.report = report
  }

  /** Adds a holder. */
  retain(): this {
    assert(this.#holders > 0, "a root is retained by way of a holder")
    this.#holders++
    return this
  }

  /** Drops a holder. */
  release(): void {
    assert(this.#holders > 0, "each holder releases a root once")
    this.#holders--
    if (this.#holders > 0) return
    if (!this.life.disposed) this.snapshot.dispose()
    this.life.release()
  }
}
