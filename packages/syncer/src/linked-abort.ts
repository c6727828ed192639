/**
 * An abort of its own that also follows others.
 *
 * Not `AbortSignal.any`: what that makes of a signal that lives as long as the process is, on some
 * runtimes, never let go of. This one is unlinked when its work is done.
 */
export class LinkedAbort {
  readonly #controller = new AbortController()
  readonly #parents: readonly AbortSignal[]
  readonly #onAbort: (event: Event) => void

  constructor(...parents: AbortSignal[]) {
    this.#parents = parents
    this.#onAbort = (event) => this.abort((event.target as AbortSignal).reason)
    for (const parent of parents) {
      if (parent.aborted) this.#controller.abort(parent.reason)
      else parent.addEventListener("abort", this.#onAbort, { once: true })
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  abort(reason?: unknown): void {
    this.unlink()
    this.#controller.abort(reason)
  }

  /** Follows nobody any more. */
  unlink(): void {
    for (const parent of this.#parents) parent.removeEventListener("abort", this.#onAbort)
  }
}
