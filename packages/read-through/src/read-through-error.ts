import { isSyncError, type Recovery, SyncError, type SyncErrorCode } from "@headwater/core"
import type { AnswerMeta } from "./answer.ts"

/**
 * The cache itself refused or gave up a request.
 *
 *   ERR_REQUEST_INVALID  no such type, or one that cannot do this: a bug of the caller
 *   ERR_TOO_MANY         callers wait for as many entries as there may be
 *   ERR_TIMEOUT          upstream did not answer within the type's time
 */
export class ReadThroughError extends SyncError {
  override readonly name = "ReadThroughError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery

  constructor(message: string, code: SyncErrorCode) {
    super(message)
    this.code = code
    this.recovery = code === "ERR_REQUEST_INVALID" ? "stop" : "retry"
  }
}

/**
 * A read failed while a caller waited for it. `cause` is the error of the type, `value` the value
 * that the entry still has, if any.
 */
export class FetchFailedError<Value = unknown> extends SyncError {
  override readonly name = "FetchFailedError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery
  override readonly cause: Error
  readonly value: Value | undefined
  readonly meta: AnswerMeta

  constructor(cause: Error, value: Value | undefined, meta: AnswerMeta) {
    super(`could not be read: ${cause.message}`)
    this.cause = cause
    this.value = value
    this.meta = meta
    this.code = isSyncError(cause) ? cause.code : "ERR_SOURCE_FAILED"
    this.recovery = isSyncError(cause) ? cause.recovery : "retry"
  }
}
