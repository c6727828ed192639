import { type Clock, ClosedError } from "@headwater/core"
import type { Closing } from "./closing.ts"

/**
 * How long somebody waits: until a signal is aborted, the cache is closed, or the time is over.
 * Leaves nothing behind once `end` was called.
 */
export class Patience {
  readonly #letGo: () => void
  readonly #stop = new AbortController()
  #isOver = false

  /** @param timeoutMs for ever, when it is 0 or absent. */
  constructor(
    clock: Clock,
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
    closing?: Closing,
  ) {
    const onTime = () => {
      this.#isOver = true
      this.#stop.abort()
    }
    const onAbort = () => this.#stop.abort(signal?.reason)
    const cancel = timeoutMs && timeoutMs > 0 ? clock.after(timeoutMs, onTime) : () => {}
    const stay = closing?.on(() => this.#stop.abort(new ClosedError("shutdown")))
    signal?.addEventListener("abort", onAbort)
    if (signal?.aborted) onAbort()
    this.#letGo = () => {
      cancel()
      stay?.()
      signal?.removeEventListener("abort", onAbort)
    }
  }

  /** Aborted by any of them. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Waits for work, but no longer than this; work that does not hear of its end goes on unseen. */
  during<T>(work: Promise<T>): Promise<T> {
    const { signal } = this
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      signal.addEventListener("abort", onAbort)
      if (signal.aborted) onAbort()
      const over = () => signal.removeEventListener("abort", onAbort)
      work.then(resolve, reject).finally(over)
    })
  }

  /** Lets go of the timer and of the signal; aborts its own, when it is given why. */
  end(reason?: string): void {
    this.#letGo()
    if (reason !== undefined) this.#stop.abort(new Error(reason))
  }

  /** Whether it was the time that is over. */
  get isOver(): boolean {
    return this.#isOver
  }
}
