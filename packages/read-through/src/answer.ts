import type { Position } from "@headwater/core"

/** The answer of a cache. */
export interface CacheAnswer<Value> {
  /** Undefined only when the time was over before the first read ended. */
  readonly value: Value | undefined
  readonly meta: AnswerMeta
}

/** The origin of an answer. */
export interface AnswerMeta {
  /** The value was there when it was asked for. */
  readonly hit: boolean
  /** The age of the value, ms: 0 for a type that refreshes, unless that fails. */
  readonly ageMs: number
  /** The position of the value upstream: the `since` of the next blocking request. */
  readonly position: Position | undefined
}

/** The origin of a value that was read past the cache, or is not there. */
export const EMPTY_META: AnswerMeta = { hit: false, ageMs: 0, position: undefined }
