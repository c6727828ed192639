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
 * What is published: the newest breadcrumb and the link to the source, and who waits for news.
 *
 * In this order: the breadcrumb is made, it becomes the current one, the trail of those who read
 * one by one gets it, the waiters are woken. Whoever was woken finds it.
 */
export class Publisher {
  /** Woken by everything that is news. */
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

  /** The newest breadcrumb; nothing until a version is complete. */
  get current(): Breadcrumb | undefined {
    return this.#current
  }

  /** Whether the source was in sync once. */
  get wasInSync(): boolean {
    return this.#link.wasInSync
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed
  }

  /** The link to the source, with the number of entries that are invalid. */
  report(invalid: number): StatusReport {
    return this.#link.report(invalid)
  }

  /** The source said something. */
  contact(): void {
    this.#link.contact()
  }

  /** A complete version. Its handle is this one's from now on. */
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

  /** The same breadcrumb, over a version that lacks what was swept. Nobody is woken. */
  replace(epochState: EpochState, swept: Snapshot): void {
    const before = this.#current
    if (before?.epochState !== epochState) {
      swept.dispose()
      return
    }
    const { sequence, timestamp, status } = before
    const isTold = before.since !== undefined && before.since >= epochState.horizon
    const since = before.since === 0 || isTold ? before.since : undefined
    const parts = { sequence, timestamp, status, epochState, snapshot: swept, since }
    this.#current = new Breadcrumb({ ...parts, after: this.after })
    before.snapshot.dispose()
  }

  /** A status; over the same snapshot a breadcrumb of its own. Said again, it is not heard. */
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

  /** Wakes all who wait. */
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

  /** Ends it; who waits is woken, and hears so. */
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
