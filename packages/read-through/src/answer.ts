import type { Position } from "@headwater/core"

/** What a cache answers. */
export interface Answer<Value> {
  /** Undefined only when the time was over before anything was ever read. */
  readonly value: Value | undefined
  readonly meta: AnswerMeta
}

/** Where an answer comes from. */
export interface AnswerMeta {
  /** It was there when it was asked for. */
  readonly hit: boolean
  /** Since when it may be out of date, ms: 0 for what refreshes, unless that fails. */
  readonly ageMs: number
  /** Where upstream was: what the next blocking request gives as `since`. */
  readonly position: Position | undefined
}

/** Of what was read past the cache, and of what is not there. */
export const EMPTY_META: AnswerMeta = { hit: false, ageMs: 0, position: undefined }
