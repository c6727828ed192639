import { assert, type Revision, type StatusReport } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { Breadcrumb } from "../breadcrumb.ts"
import type { EpochState } from "../epoch-state.ts"

/**
 * A complete version that is held for readers: one handle on its snapshot and one on its epoch
 * state, shared by all holders and counted. The last holder to release it disposes of both.
 */
export class PinnedSnapshot {
  readonly snapshot: Snapshot
  readonly epochState: EpochState
  readonly version: number
  readonly reach: Revision
  /** The link to the source, as last known while this was the newest version. */
  report: StatusReport
  #holders = 1

  /** Has one holder: its maker. */
  constructor({ snapshot, epochState }: Breadcrumb, report: StatusReport) {
    this.snapshot = snapshot.retain()
    this.epochState = epochState.retain()
    this.version = this.snapshot.version
    this.reach = this.snapshot.reach
    this.report = report
  }

  /** Adds a holder. */
  retain(): this {
    assert(this.#holders > 0, "a snapshot that was let go is not pinned again")
    this.#holders++
    return this
  }

  /** Drops a holder. */
  release(): void {
    assert(this.#holders > 0, "each holder releases a pinned snapshot once")
    this.#holders--
    if (this.#holders > 0) return
    if (!this.epochState.disposed) this.snapshot.dispose()
    this.epochState.release()
  }
}
