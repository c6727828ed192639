import { quantile } from "./statistics.ts"

/**
 * The wait of an event, arriving at any moment, for its turn of the event loop.
 *
 * A timer of 1 ms records how late it is. A turn that is late by 30 ms made what came in each of
 * these milliseconds wait: it counts as 30, 29, 28 …, not as one sample among the short ones.
 */
export class LoopDelay {
  #waits: number[] = []
  #last = performance.now()

  constructor() {
    // Does not keep the process.
    setInterval(() => this.#note(), 1).unref()
  }

  /** The p99 and the longest wait since the last call, in ms. */
  take(): { p99: number; max: number } {
    this.#note()
    const waits = this.#waits.sort((a, b) => a - b)
    this.#waits = []
    return { p99: quantile(waits, 0.99), max: quantile(waits, 1) }
  }

  #note(): void {
    const now = performance.now()
    let late = Math.max(0, now - this.#last - 1)
    this.#last = now
    do this.#waits.push(late)
    while (--late > 0)
  }
}
