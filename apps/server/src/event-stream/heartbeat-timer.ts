import type { Clock } from "@headwater/core"

/**
 * A timer that falls due `intervalMs` after the last `beat`; it calls `onDue` then, once. Costs one
 * platform timer per interval, not one per beat.
 */
export class HeartbeatTimer {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #onDue: () => void
  #last: number
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, intervalMs: number, onDue: () => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#onDue = onDue
    this.#last = clock.elapsed()
    this.#arm(intervalMs)
  }

  /** The time of the last beat, by `Clock.elapsed`. */
  get last(): number {
    return this.#last
  }

  /** True when something has to be sent now. */
  get due(): boolean {
    return this.#clock.elapsed() - this.#last >= this.#intervalMs
  }

  /** Notes that something was sent, now or, to save a look at the clock, at a recent time. */
  beat(at = this.#clock.elapsed()): void {
    this.#last = at
    if (this.#cancelTimer === undefined) this.#arm(this.#intervalMs)
  }

  /** Stops the timer. */
  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #arm(ms: number): void {
    this.#cancelTimer = this.#clock.after(ms, () => {
      this.#cancelTimer = undefined
      const leftMs = this.#last + this.#intervalMs - this.#clock.elapsed()
      // While the reader takes nothing, nothing is sent: the next beat sets a timer again.
      if (leftMs <= 0) this.#onDue()
      else this.#arm(leftMs)
    })
  }
}
