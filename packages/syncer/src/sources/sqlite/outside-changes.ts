import type { Clock } from "@headwater/core"

/** The interval at which the file is checked for other processes' writes. A check costs some µs. */
const POLL_MS = 50

/**
 * Checks at an interval, while there is a watch, whether another process changed the file: the
 * kernel reports no commits of other processes.
 */
export class OutsideChanges {
  readonly #clock: Clock
  readonly #look: () => void
  #watchers = 0
  #cancel: (() => void) | undefined

  /** @param look is called at each interval. */
  constructor(clock: Clock, look: () => void) {
    this.#clock = clock
    this.#look = look
  }

  /** The number of watches. */
  get watchers(): number {
    return this.#watchers
  }

  /** Adds a watch. Returns the function that removes it; calling it twice is harmless. */
  watch(): () => void {
    this.#watchers += 1
    this.#poll()
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#watchers -= 1
      if (this.#watchers === 0) this.close()
    }
  }

  /** Looks no more. */
  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #poll(): void {
    this.#cancel ??= this.#clock.after(POLL_MS, () => {
      this.#cancel = undefined
      this.#look()
      if (this.#watchers > 0) this.#poll()
    })
  }
}
