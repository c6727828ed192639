import type { Clock } from "@headwater/core"
import type { GoodbyeReason } from "@headwater/protocol"
import { NotReadyError, TooManyError } from "../errors.ts"
import type { HubLimits } from "../limits.ts"

/** An open event stream, as those see it who end it from outside. */
export interface OpenStream {
  /** Sends what is begun, then `goodbye`, and ends. */
  goodbye(reason: GoodbyeReason): void
  /** Ends now, without a word: for a reader who has stopped reading. */
  cut(): void
}

/** How often `end` looks whether everybody has gone. */
const LOOK_MS = 20

/**
 * Knows every open stream, so that a hub that stops can tell each of them where to resume.
 */
export class Drain {
  readonly #clock: Clock
  readonly #limits: HubLimits
  readonly #open = new Set<OpenStream>()
  #draining = false
  #crowd = 0

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Whether the hub is going: it takes no more streams, and is not ready. */
  get draining(): boolean {
    return this.#draining
  }

  /** Streams open now. */
  get size(): number {
    return this.#open.size
  }

  /** Streams open now, or when the hub began to end them, if that were more. */
  get crowd(): number {
    return Math.max(this.#open.size, this.#crowd)
  }

  /**
   * Notes a stream until what is returned is called.
   *
   * @throws {NotReadyError} the hub is going.
   * @throws {TooManyError} `streamsMax` are open.
   */
  admit(stream: OpenStream): () => void {
    if (this.#draining) throw new NotReadyError("this hub is going")
    if (this.#open.size >= this.#limits.streamsMax) {
      throw new TooManyError(`more than ${this.#limits.streamsMax} streams`)
    }
    this.#open.add(stream)
    return () => this.#open.delete(stream)
  }

  /**
   * Says goodbye to everybody, and cuts who has not gone after `graceMs`: somebody who does not
   * read cannot be told anything. Rejects with the signal's reason, leaving the rest open.
   */
  async end(reason: GoodbyeReason, graceMs: number, signal: AbortSignal): Promise<void> {
    this.#draining = true
    this.#crowd = this.#open.size
    const until = this.#clock.elapsed() + graceMs
    for (const stream of [...this.#open]) stream.goodbye(reason)
    while (this.#open.size > 0 && this.#clock.elapsed() < until) {
      await this.#clock.sleep(LOOK_MS, signal)
    }
    for (const stream of [...this.#open]) stream.cut()
    this.#open.clear()
  }
}
