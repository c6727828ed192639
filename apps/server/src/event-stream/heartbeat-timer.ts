import type { Clock } from "@headwater/core"

/**
 * Tells when a stream has been silent for too long. `due` turns true `intervalMs` after the last
 * `beat`, and `onDue` is called then, once. Costs one timer per interval, not one per beat.
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

  /** When something was sent last, by the clock that never goes back. */
  get last(): number {
    return this.#last
  }

  /** Whether something has to be sent now. */
  get due(): boolean {
    return this.#clock.elapsed() - this.#last >= this.#intervalMs
  }

  /** Something was sent, now or, to save a look at the clock, at a time not long ago. */
  beat(at = this.#clock.elapsed()): void {
    this.#last = at
    if (this.#cancelTimer === undefined) this.#arm(this.#intervalMs)
  }

  /** Ends it. */
  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #arm(ms: number): void {
    this.#cancelTimer = this.#clock.after(ms, () => {
      this.#cancelTimer = undefined
      const leftMs = this.#last + this.#intervalMs - this.#clock.elapsed()
      // While nobody reads, nothing is sent and no timer is needed: the next beat sets one.
      if (leftMs <= 0) this.#onDue()
      else this.#arm(leftMs)
    })
  }
}
