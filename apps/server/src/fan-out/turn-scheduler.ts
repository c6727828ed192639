import type { Clock } from "@headwater/core"

/**
 * Divides each turn of the event loop among pieces of work that take a while.
 *
 * Work runs at once while less than `turnMs` of this turn is spent; later work waits for a turn of
 * its own, first come, first served. One piece of work MUST be a small part of a turn. So however
 * many readers join at once, a turn stays short.
 */
export class TurnScheduler {
  readonly #clock: Clock
  readonly #turnMs: number
  #spentMs = 0
  #waiting: (() => void)[] = []
  #yielding = false

  constructor(clock: Clock, turnMs: number) {
    this.#clock = clock
    this.#turnMs = turnMs
  }

  /** Pieces of work that wait for a turn. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Does the work: now if this turn has time left and no other work waits, else in a later turn.
   *
   * @param laterMs time that the result will cost the turn as well, such as for writing it.
   */
  run<T>(work: () => T, laterMs = 0): T | Promise<T> {
    if (this.#waiting.length === 0 && this.#spentMs < this.#turnMs) {
      return this.#measure(work, laterMs)
    }
    if (!this.#yielding) this.#begin()
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(this.#measure(work, laterMs))
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /**
   * Does the work if this turn has time left for it; otherwise leaves it undone, and returns
   * `undefined`. For a caller that has no way to wait.
   */
  runNow<T>(work: () => T): T | undefined {
    if (this.#waiting.length > 0 || this.#spentMs >= this.#turnMs) return undefined
    return this.#measure(work, 0)
  }

  #measure<T>(work: () => T, laterMs: number): T {
    if (!this.#yielding) this.#begin()
    const began = this.#clock.elapsed()
    try {
      return work()
    } finally {
      this.#spentMs += this.#clock.elapsed() - began + laterMs
    }
  }

  // Each piece of work hands its error to its own caller, so taking turns cannot fail.
  #begin(): void {
    this.#takeTurns().catch(() => {})
  }

  // Runs while there is work, one turn after the other, and once more to reset the time spent.
  async #takeTurns(): Promise<void> {
    this.#yielding = true
    do {
      await this.#clock.yield()
      this.#spentMs = 0
      // One piece at least, however long it takes: else none would ever be done.
      let done = 0
      do this.#waiting[done++]?.()
      while (done < this.#waiting.length && this.#spentMs < this.#turnMs)
      this.#waiting.splice(0, done)
    } while (this.#spentMs > 0 || this.#waiting.length > 0)
    this.#yielding = false
  }
}
