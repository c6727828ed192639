import { onAbort } from "./on-abort.ts"

/**
 * Waiters for one condition: a `wake` resolves all of them.
 *
 * A waiter that is already aborted rejects at once. Waking costs O(waiters) and allocates nothing;
 * waiting registers one listener on the signal and always removes it. A caller that has to choose
 * between data and cancellation looks for data first (*closed > data ready > cancelled*).
 *
 * Source: Consul's closed channel, Typha's condition variable.
 */
export class Waiters {
  #waiting = new Set<() => void>()
  // Empty, except while those in it are woken: so that waking allocates nothing.
  #spare = new Set<() => void>()

  /** Number of waiters now. */
  get size(): number {
    return this.#waiting.size
  }

  /** Resolves at the next `wake`. Rejects with `signal.reason` when that is aborted before. */
  wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const wake = () => {
        withdraw()
        resolve()
      }
      this.#waiting.add(wake)
      const withdraw = onAbort(signal, () => {
        this.#waiting.delete(wake)
        reject(signal?.reason)
      })
    })
  }

  /** Resolves every present waiter. One that waits again at once waits for the next `wake`. */
  wake(): void {
    if (this.#waiting.size === 0) return
    const woken = this.#waiting
    this.#waiting = this.#spare
    this.#spare = woken
    for (const wake of woken) wake()
    woken.clear()
  }
}
