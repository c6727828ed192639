import type { Clock } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { Breadcrumb } from "./breadcrumb.ts"
import type { Life } from "./life.ts"

/**
 * A version and its life, held for a reader that is in the middle of it, and let go when the reader
 * does nothing for a while: so nobody pins old memory by stalling, or by never coming back.
 *
 * One timer, while it is held across a turn.
 */
export class Lease {
  readonly #clock: Clock
  readonly #ms: number
  readonly #snapshot: Snapshot
  readonly #life: Life
  readonly #isKept: () => boolean
  readonly #onExpire: () => void
  #until: number
  #cancelTimer: (() => void) | undefined
  #ended = false

  constructor(
    crumb: Breadcrumb,
    options: {
      readonly clock: Clock
      readonly ms: number
      /** Asked when its time is over: it may go on. */
      readonly isKept: () => boolean
      readonly onExpire: () => void
    },
  ) {
    this.#clock = options.clock
    this.#ms = options.ms
    this.#isKept = options.isKept
    this.#onExpire = options.onExpire
    this.#snapshot = crumb.snapshot.retain()
    this.#life = crumb.life.retain()
    this.#until = this.#clock.elapsed() + this.#ms
  }

  /** What is held; nothing once it was let go, or its life is over. */
  get snapshot(): Snapshot | undefined {
    return this.#ended || this.#life.disposed ? undefined : this.#snapshot
  }

  /** The reader is there: its time starts again. */
  renew(): void {
    if (this.#ended) return
    this.#until = this.#clock.elapsed() + this.#ms
    this.#cancelTimer ??= this.#clock.after(this.#ms, () => this.#look())
  }

  /** Lets go. Twice is harmless. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (!this.#life.disposed) this.#snapshot.dispose()
    this.#life.release()
  }

  #look(): void {
    const leftMs = this.#until - this.#clock.elapsed()
    if (leftMs > 0 || (!this.#life.disposed && this.#isKept())) {
      this.#cancelTimer = this.#clock.after(Math.max(leftMs, this.#ms / 4), () => this.#look())
      return
    }
    this.end()
    this.#onExpire()
  }
}
