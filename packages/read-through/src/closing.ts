import { ClosedError } from "@headwater/core"

/**
 * Whether a cache is closed, and who is to hear of it. A table of its own: an `AbortSignal` warns
 * of a leak when more than ten listen.
 */
export class Closing {
  readonly #tasks = new Set<() => void>()
  #isClosed = false

  /** Whether it is closed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Runs a task when it is closed; at once, if it is. Returns what ends that. */
  on(task: () => void): () => void {
    if (this.#isClosed) task()
    else this.#tasks.add(task)
    return () => this.#tasks.delete(task)
  }

  /** Closes. Again is harmless. */
  close(): void {
    this.#isClosed = true
    const tasks = [...this.#tasks]
    this.#tasks.clear()
    for (const task of tasks) task()
  }

  /** @throws {ClosedError} it is closed. */
  check(): void {
    if (this.#isClosed) throw new ClosedError("shutdown")
  }
}
