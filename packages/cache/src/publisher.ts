import {
  type Clock,
  ClosedError,
  type Status,
  type StatusReport,
  type SyncErrorCode,
  Waiters,
} from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import { Breadcrumb } from "./breadcrumb.ts"
import type { EpochState } from "./epoch-state.ts"
import type { CacheObserver } from "./observer.ts"
import { SourceLink } from "./source-link.ts"

/**
 * Publishes the newest breadcrumb and the link to the source, and wakes the waiters.
 *
 * In this order: the breadcrumb becomes the current one, the trail of `pin` followers gets it, the
 * waiters are woken. So a waiter that was woken finds it.
 */
export class BreadcrumbPublisher {
  /** Woken by every breadcrumb, position and status. */
  readonly changes = new Waiters()
  readonly #clock: Clock
  readonly #link: SourceLink
  readonly #observer: CacheObserver | undefined
  #current: Breadcrumb | undefined
  #closed = false

  constructor(clock: Clock, observer: CacheObserver | undefined) {
    this.#clock = clock
    this.#link = new SourceLink(clock)
    this.#observer = observer
  }

  /** The newest breadcrumb; `undefined` until a version is complete. */
  get current(): Breadcrumb | undefined {
    return this.#current
  }

  /** True once the source was in sync. */
  get wasInSync(): boolean {
    return this.#link.wasInSync
  }

  /** True once `close` was called. */
  get closed(): boolean {
    return this.#closed
  }

  /** The link to the source, with the number of entries that are invalid. */
  report(invalid: number): StatusReport {
    return this.#link.report(invalid)
  }

  /** Notes that the source answered. */
  contact(): void {
    this.#link.contact()
  }

  /** Makes a breadcrumb of a complete version, and owns its handle from now on. */
  publish(epochState: EpochState, snapshot: Snapshot): void {
    const before = this.#current
    const since = before?.epochState === epochState ? before.snapshot.version : 0
    const crumb = this.#make({ epochState, snapshot, since, status: this.#link.status })
    if (since > 0 && epochState.trail.followed) {
      const deltas = snapshot.changesSince(since)
      const { version, reach } = snapshot
      const bytes = epochState.trail.append({ version, reach, deltas })
      this.#observer?.onEncode?.(bytes)
    }
    before?.snapshot.dispose()
    this.#observer?.onBreadcrumb?.({ sequence: crumb.sequence, entries: snapshot.size })
  }

  /** Puts a swept version under the same breadcrumb. No waiter is woken. */
  replace(epochState: EpochState, swept: Snapshot): void {
    const before = this.#current
    if (before?.epochState !== epochState) {
      swept.dispose()
      return
    }
    const { sequence, timestamp, status } = before
    const isReadable = before.since !== undefined && before.since >= epochState.horizon
    const since = before.since === 0 || isReadable ? before.since : undefined
    const parts = { sequence, timestamp, status, epochState, snapshot: swept, since }
    this.#current = new Breadcrumb({ ...parts, after: this.after })
    before.snapshot.dispose()
  }

  /** Sets the status: a breadcrumb of its own over the same snapshot. A repeat does nothing. */
  setStatus(status: Status, code: SyncErrorCode | undefined): void {
    if (this.#closed || !this.#link.set(status, code)) return
    this.#observer?.onStatus?.(status)
    const before = this.#current
    if (before !== undefined && before.status !== status) {
      const { epochState, snapshot } = before
      this.#make({ epochState, snapshot, since: snapshot.version, status })
    }
    this.wake()
  }

  /** Wakes all waiters. */
  wake(): void {
    this.#observer?.onWake?.(this.changes.size)
    this.changes.wake()
  }

  /** See `Breadcrumb.next`. */
  readonly after = async (sequence: number, signal?: AbortSignal): Promise<Breadcrumb> => {
    for (;;) {
      if (this.#closed) throw new ClosedError("shutdown")
      const current = this.#current
      if (current !== undefined && current.sequence > sequence) return current
      await this.changes.wait(signal)
    }
  }

  /** Closes it: waiters are woken, and reject with a `ClosedError`. */
  close(): void {
    this.#closed = true
    this.#current?.snapshot.dispose()
    this.#current = undefined
    this.changes.wake()
  }

  #make(of: Pick<Breadcrumb, "epochState" | "snapshot" | "since" | "status">): Breadcrumb {
    const sequence = (this.#current?.sequence ?? 0) + 1
    const timestamp = this.#clock.now()
    this.#current = new Breadcrumb({ ...of, sequence, timestamp, after: this.after })
    return this.#current
  }
}
