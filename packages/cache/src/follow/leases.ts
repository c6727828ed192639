import type { Clock } from "@headwater/core"
import type { PinnedSnapshot } from "./pinned-snapshot.ts"

/**
 * Bounds how long readers pin snapshots.
 *
 * A reader in the middle of a walk wants the snapshot that it began with, because then the walk
 * ends at exactly one version. A reader that stalls must not pin old memory. So it holds a lease,
 * and renews it as it reads; when the lease expires the snapshot is let go, and the reader goes on
 * from its place over a newer one. One timer serves all leases.
 */
export class Leases {
  readonly #clock: Clock
  readonly #granted = new Set<Lease>()
  #cancelTimer: (() => void) | undefined
  /** The shortest time of a lease so far: no two looks are closer than a quarter of it. */
  #shortestMs = 1_000

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Leases that have not ended. */
  get size(): number {
    return this.#granted.size
  }

  /** Pins a snapshot for `ms` ms, or longer if the lease is renewed. */
  grant(pinned: PinnedSnapshot, ms: number, options: LeaseOptions = {}): Lease {
    const onEnd = () => this.#granted.delete(lease)
    const lease = new Lease(pinned.retain(), { ...options, clock: this.#clock, ms, onEnd })
    this.#granted.add(lease)
    this.#shortestMs = Math.min(this.#shortestMs, ms)
    this.#cancelTimer ??= this.#clock.after(ms, () => this.#look())
    return lease
  }

  /** Ends all of them. */
  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const lease of [...this.#granted]) lease.end()
  }

  #look(): void {
    const now = this.#clock.elapsed()
    let next = Number.POSITIVE_INFINITY
    for (const lease of [...this.#granted]) {
      if (lease.until > now) next = Math.min(next, lease.until)
      else if (lease.isKept) next = now
      else lease.expire()
    }
    // Leases that are renewed all the time must not keep the timer busy.
    const restMs = Math.max(next - now, this.#shortestMs / 4)
    this.#cancelTimer =
      this.#granted.size === 0 ? undefined : this.#clock.after(restMs, () => this.#look())
  }
}

/** Options of a lease. */
export interface LeaseOptions {
  /** Asked when the time is over: the lease goes on while this answers true. */
  readonly isKept?: () => boolean
  /** Called when the lease expires; not when its holder ends it. */
  readonly onExpire?: () => void
}

/** A snapshot, pinned for a while. */
export class Lease {
  readonly #pinned: PinnedSnapshot
  readonly #options: LeaseOptions & {
    readonly clock: Clock
    readonly ms: number
    readonly onEnd: () => void
  }
  #until: number
  #ended = false

  /** For `Leases.grant`. Takes over one holder of the snapshot. */
  constructor(
    pinned: PinnedSnapshot,
    options: LeaseOptions & {
      readonly clock: Clock
      readonly ms: number
      readonly onEnd: () => void
    },
  ) {
    this.#pinned = pinned
    this.#options = options
    this.#until = options.clock.elapsed() + options.ms
  }

  /** When it expires, by `Clock.elapsed`. */
  get until(): number {
    return this.#until
  }

  /** True if it goes on when its time is over. */
  get isKept(): boolean {
    return !this.#pinned.epochState.disposed && (this.#options.isKept?.() ?? false)
  }

  /** The snapshot; `undefined` once the lease has ended, or its epoch's memory is freed. */
  get pinned(): PinnedSnapshot | undefined {
    return this.#ended || this.#pinned.epochState.disposed ? undefined : this.#pinned
  }

  /** Starts its time anew. */
  renew(): void {
    this.#until = this.#options.clock.elapsed() + this.#options.ms
  }

  /** Lets the snapshot go. Calling it again does nothing. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#options.onEnd()
    this.#pinned.release()
  }

  /** Ends it because its time is over. */
  expire(): void {
    this.end()
    this.#options.onExpire?.()
  }
}
