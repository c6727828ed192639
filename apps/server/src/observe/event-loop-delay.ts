import type { Clock } from "@headwater/core"
import { Histogram } from "./histogram.ts"

/** Interval between two samples, in ms: rare enough to cost nothing that can be measured. */
const SAMPLE_MS = 100

/** Sampling ends so long after the delay was asked for last, in ms. */
const ASKED_MS = 300_000

/** Upper bounds of the buckets, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/**
 * Samples how late the event loop is: the time by which a timer fires after it was due. So the
 * share of samples above a bound is the share of time in which whatever arrives waits so long.
 *
 * It samples only while `histogram` is read at least every five minutes.
 *
 * Decision: docs/decisions/server.md, “One timer measures the event loop on all runtimes”.
 */
export class EventLoopDelay {
  readonly #clock: Pick<Clock, "elapsed" | "after">
  readonly #histogram = new Histogram(BOUNDS)
  #askedAt = 0
  #isClosed = false
  #cancelTimer: (() => void) | undefined

  constructor(clock: Pick<Clock, "elapsed" | "after">) {
    this.#clock = clock
  }

  /** The delays, in seconds, that were sampled so far. Reading it starts the samples. */
  get histogram(): Histogram {
    this.#askedAt = this.#clock.elapsed()
    if (!this.#isClosed && this.#cancelTimer === undefined) this.#arm()
    return this.#histogram
  }

  /** Ends the samples for good. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  #arm(): void {
    const due = this.#clock.elapsed() + SAMPLE_MS
    this.#cancelTimer = this.#clock.after(SAMPLE_MS, () => {
      const now = this.#clock.elapsed()
      this.#histogram.observe(Math.max(0, now - due) / 1_000)
      this.#cancelTimer = undefined
      if (now - this.#askedAt < ASKED_MS) this.#arm()
    })
  }
}
