import type { AnswerMeta } from "./answer.ts"

/**
 * What who follows an entry is told. Each carries the `correlationId` that it was begun with.
 *
 *   value   what is held now; `isReset`: upstream began anew, and revisions with it
 *   error   a read failed, and there was no value yet: told for each
 *   state   reading began to fail after there was a value, or works again: told once
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

/** How to follow. */
export interface NotifyOptions {
  /** Goes with every event, so that several may share one callback. */
  readonly correlationId?: string
  /** Ends it, with its reason. */
  readonly signal?: AbortSignal | undefined
}
