import type { Position } from "@headwater/core"
import type { AnswerMeta } from "./answer.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import { isAfter, isNews, isReset } from "./key-state.ts"

/** The last-sent state of one follower. It decides which events are news to it. */
export class LastSent<Value> {
  readonly #correlationId: string
  readonly #since: Position | undefined
  /** The position of the newest value that was seen, sent or not. */
  #seen: Position | undefined
  #hasValue = false
  #isFailing = false

  /** @param since where the follower was before: a value there is no news to it. */
  constructor({ correlationId = "" }: NotifyOptions, since?: Position) {
    this.#correlationId = correlationId
    this.#since = since
  }

  /** Returns whether the value at a position is news. Called with each value, old ones too. */
  isNews(position: Position): boolean {
    const before = this.#seen
    if (this.#hasValue) return before === undefined || isNews(before, position)
    this.#seen = position
    if (this.#since === undefined || isAfter(position, this.#since)) return true
    // The follower may be ahead of a slow upstream; one that begins anew meanwhile is news.
    return before !== undefined && isReset(before, position)
  }

  /** Makes the event of a value that is sent now. */
  value(value: Value, meta: AnswerMeta): CacheEvent<Value> {
    const before = this.#hasValue ? this.#seen : this.#since
    const { position } = meta
    this.#seen = position
    this.#hasValue = true
    const isBack = before !== undefined && position !== undefined && isReset(before, position)
    return { type: "value", correlationId: this.#correlationId, value, meta, isReset: isBack }
  }

  /** Makes the event of a read that ended, if it is to be sent. */
  outcome(error: Error | undefined): CacheEvent<Value> | undefined {
    const correlationId = this.#correlationId
    if (!this.#hasValue) return error && { type: "error", correlationId, error }
    const wasFailing = this.#isFailing
    this.#isFailing = error !== undefined
    if (error && !wasFailing) return { type: "state", correlationId, state: "failing", error }
    return wasFailing && !error ? { type: "state", correlationId, state: "healthy" } : undefined
  }
}
