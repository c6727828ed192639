import type { Clock } from "@headwater/core"
import type { Root } from "./root.ts"

/**
 * Who may pin a root, and until when.
 *
 * A reader in the middle of a walk wants the root that it began with, because then the walk ends
 * with an id. But a reader that stalls must not pin old memory. So it holds a lease, which it
 * renews as it reads; when the lease runs out the root is let go, and the reader goes on from its
 * place over a newer one. One timer serves all leases.
 */
export class Leases {
  readonly #clock: Clock
  readonly #granted = new Set<Lease>()
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Leases that have not run out. */
  get size(): number {
    return this.#granted.size
  }

  /** Pins a root for `ms`, or longer if it is renewed. */
  grant(root: Root, ms: number): Lease {
    const lease = new Lease(root.retain(), ms, this.#clock, () => this.#granted.delete(lease))
    this.#granted.add(lease)
    this.#cancelTimer ??= this.#clock.after(ms, () => this.#sweep())
    return lease
  }

  /** Ends all of them. */
  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const lease of [...this.#granted]) lease.end()
  }

  #sweep(): void {
    const now = this.#clock.elapsed()
    let next = Number.POSITIVE_INFINITY
    for (const lease of [...this.#granted]) {
      if (lease.until <= now) lease.end()
      else next = Math.min(next, lease.until)
    }
    // Not sooner than SWEEP_MS: leases that are renewed all the time must not keep the timer busy.
    this.#cancelTimer =
      this.#granted.size === 0
        ? undefined
        : this.#clock.after(Math.max(next - now, SWEEP_MS), () => this.#sweep())
  }
}

const SWEEP_MS = 250

/** A root, for a while. Ending twice is harmless. */
export class Lease {
  readonly #root: Root
  readonly #ms: number
  readonly #clock: Clock
  readonly #onEnd: () => void
  #until: number
  #ended = false

  constructor(root: Root, ms: number, clock: Clock, onEnd: () => void) {
    this.#root = root
    this.#ms = ms
    this.#clock = clock
    this.#onEnd = onEnd
    this.#until = clock.elapsed() + ms
  }

  /** The moment at which it runs out, on the clock that never goes back. */
  get until(): number {
    return this.#until
  }

  /** What is pinned; nothing once the lease has ended. */
  get root(): Root | undefined {
    return this.#ended ? undefined : this.#root
  }

  /** Starts its time again. */
  renew(): void {
    this.#until = this.#clock.elapsed() + this.#ms
  }

  /** Lets the root go. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd()
    this.#root.release()
  }
}
