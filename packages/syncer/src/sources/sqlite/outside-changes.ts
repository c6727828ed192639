import type { Clock } from "@headwater/core"

/** The interval at which the file is checked for other processes' writes. A check costs some µs. */
const POLL_MS = 50

/**
 * Looks every so often, while somebody watches, whether the file was changed by somebody else: the
 * kernel tells no process of another one's commits.
 */
export class OutsideChanges {
  readonly #clock: Clock
  readonly #look: () => void
  #watchers = 0
  #cancel: (() => void) | undefined

  /** @param look is called at each turn, and tells whoever has to know. */
  constructor(clock: Clock, look: () => void) {
    this.#clock = clock
    this.#look = look
  }

  /** The number of watches. */
  get watchers(): number {
    return this.#watchers
  }

  /** Somebody watches from now on. Returns what ends that; ending twice is harmless. */
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
