import type { AnswerMeta } from "./answer.ts"

/**
 * An event for a follower of an entry. Each carries the `correlationId` of the follower.
 *
 *   value   the value now; `isReset`: upstream began anew, and revisions with it
 *   error   a read failed, and there was no value yet: sent for each
 *   state   reads began to fail after there was a value, or work again: sent once
 */
export type CacheEvent<Value> =
  | {
      readonly type: "value"
      readonly correlationId: string
      readonly value: Value
      readonly meta: AnswerMeta
      readonly isReset: boolean
    }
  | { readonly type: "error"; readonly correlationId: string; readonly error: Error }
  | {
      readonly type: "state"
      readonly correlationId: string
      readonly state: "failing"
      readonly error: Error
    }
  | { readonly type: "state"; readonly correlationId: string; readonly state: "healthy" }

/** The options of a follower. */
export interface NotifyOptions {
  /** Goes with every event, so that several followers may share one callback. */
  readonly correlationId?: string
  /** Ends the follower, with its reason. */
  readonly signal?: AbortSignal | undefined
}
