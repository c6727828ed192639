import { type Clock, checkDelay, sleepOn, systemClock } from "@headwater/core"

interface Timer {
  readonly at: number
  readonly task: () => void
}

/**
 * A clock that stands still until a test moves it.
 *
 * Timers fire in the order of their moments, and those of one moment in the order in which they
 * were set. Between two timers, and before and after all, promises settle: what a timer woke has
 * run before the next one fires. Only work of this process settles; what waits for a socket or for
 * another process does not.
 */
export class ManualClock implements Clock {
  #nowMs: number
  #elapsedMs = 0
  #yielding = 0
  #timers: Timer[] = []

  /** @param nowMs the wall time to begin with, ms since 1970; 2026-01-01 by default. */
  constructor(nowMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs
  }

  elapsed(): number {
    return this.#elapsedMs
  }

  /** The number of timers that are set. A test that leaves some has left something running. */
  get timers(): number {
    return this.#timers.length
  }

  /** Milliseconds until the next timer fires; `undefined` when none is set. */
  get nextTimerMs(): number | undefined {
    const next = this.#timers[0]
    return next && next.at - this.#elapsedMs
  }

  after(delayMs: number, task: () => void): () => void {
    checkDelay(delayMs)
    if (delayMs === Number.POSITIVE_INFINITY) return () => {}
    const timer: Timer = { at: this.#elapsedMs + delayMs, task }
    const later = this.#timers.findIndex((other) => other.at > timer.at)
    this.#timers.splice(later < 0 ? this.#timers.length : later, 0, timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index >= 0) this.#timers.splice(index, 1)
    }
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn((ms, task) => this.after(ms, task), delayMs, signal)
  }

  /** A real turn of the event loop: yielding takes no time on this clock. */
  async yield(): Promise<void> {
    this.#yielding += 1
    try {
      await nextTurn()
    } finally {
      this.#yielding -= 1
    }
  }

  /** Moves time on by `ms`, firing what falls due on the way; 0 fires what is due now. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms
    await this.settle()
    for (let next = this.#timers[0]; next && next.at <= until; next = this.#timers[0]) {
      this.#timers.shift()
      this.#moveTo(next.at)
      next.task()
      await this.settle()
    }
    this.#moveTo(until)
  }

  /** Moves the wall time alone, as an operator or NTP does. Timers and `elapsed` do not notice. */
  jump(ms: number): void {
    this.#nowMs += ms
  }

  /** Lets promises settle without moving time, also those of tasks that yield in between. */
  async settle(): Promise<void> {
    // One turn empties the queue of microtasks however long the chains are. The second is for
    // streams and ports, which pass things on in a turn of their own.
    let quietTurns = 0
    while (quietTurns < 2) {
      await nextTurn()
      quietTurns = this.#yielding === 0 ? quietTurns + 1 : 0
    }
  }

  #moveTo(elapsedMs: number): void {
    if (elapsedMs <= this.#elapsedMs) return
    this.#nowMs += elapsedMs - this.#elapsedMs
    this.#elapsedMs = elapsedMs
  }
}

// The message port that Deno gives to a forked process delivers between microtasks, before they are
// all done; an immediate comes after all of them, on every runtime that has one.
function nextTurn(): Promise<void> {
  if (!("setImmediate" in globalThis)) return systemClock.yield()
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
