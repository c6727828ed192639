import type { Position } from "@headwater/core"
import type { AnswerMeta } from "./answer.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import { isNews, isReset } from "./key-state.ts"

/** What one who follows was told so far, and so what is news to it. */
export class Telling<Value> {
  readonly #correlationId: string
  #position: Position | undefined
  #hasValue = false
  #isFailing = false

  /** @param since where it was before: what is there is no news. */
  constructor({ correlationId = "" }: NotifyOptions, since?: Position) {
    this.#correlationId = correlationId
    this.#position = since
  }

  /** Whether what is at a position is to be told. */
  isNews(position: Position): boolean {
    return this.#position === undefined || isNews(this.#position, position)
  }

  /** A value, which is told now. */
  value(value: Value, meta: AnswerMeta): CacheEvent<Value> {
    const before = this.#position
    const { position } = meta
    this.#position = position
    this.#hasValue = true
    const isBack = before !== undefined && position !== undefined && isReset(before, position)
    return { type: "value", correlationId: this.#correlationId, value, meta, isReset: isBack }
  }

  /** How a read ended, if that is to be told. */
  outcome(error: Error | undefined): CacheEvent<Value> | undefined {
    const correlationId = this.#correlationId
    if (!this.#hasValue) return error && { type: "error", correlationId, error }
    const wasFailing = this.#isFailing
    this.#isFailing = error !== undefined
    if (error && !wasFailing) return { type: "state", correlationId, state: "failing", error }
    return wasFailing && !error ? { type: "state", correlationId, state: "healthy" } : undefined
  }
}
