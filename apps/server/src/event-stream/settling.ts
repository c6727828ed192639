import type { Clock } from "@headwater/core"
import type { ReaderEvent } from "./reader-state.ts"
import type { StreamConnection } from "./stream-connection.ts"

/**
 * The wait of a reader for a promise, in parts: a heartbeat that is due, or the end of the stream,
 * comes first, and the reader then asks again.
 */
export class Settling {
  readonly #connection: StreamConnection
  readonly #clock: Pick<Clock, "yield">
  readonly #interruption: () => ReaderEvent | undefined
  #awaited: { readonly promise: Promise<unknown>; isSettled: boolean } | undefined

  constructor(
    connection: StreamConnection,
    clock: Pick<Clock, "yield">,
    interruption: () => ReaderEvent | undefined,
  ) {
    this.#connection = connection
    this.#clock = clock
    this.#interruption = interruption
  }

  /** Waits for a promise; returns the event that comes before it settles, if one does. */
  async of(promise: Promise<unknown>): Promise<ReaderEvent | undefined> {
    let awaited = this.#awaited
    if (awaited?.promise !== promise) {
      const begun = { promise, isSettled: false }
      const settle = () => {
        begun.isSettled = true
        this.#connection.ring()
      }
      promise.then(settle, settle)
      awaited = begun
      this.#awaited = begun
      // A promise that is about to settle needs no comment before it.
      await this.#clock.yield()
    }
    for (;;) {
      const event = this.#interruption()
      if (event !== undefined || awaited.isSettled) return event
      if (this.#connection.due) return { type: "due" }
      await this.#connection.wait()
    }
  }
}
