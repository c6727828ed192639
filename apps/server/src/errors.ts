import { type Recovery, SyncError, type SyncErrorCode } from "@headwater/core"
import { recoveryOf } from "@headwater/protocol"

/**
 * A request that is answered by an error of the protocol's table.
 *
 * `headers` and `facts` go with the answer: `allow`, `retry-after`, the revision that a condition
 * did not meet. The message is for the client's eyes.
 */
export class RequestError extends SyncError {
  override readonly name = "RequestError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery
  readonly headers: Readonly<Record<string, string>>
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    code: SyncErrorCode,
    message: string,
    answer: {
      readonly headers?: Readonly<Record<string, string>>
      readonly facts?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(message)
    this.code = code
    this.recovery = recoveryOf(code)
    this.headers = answer.headers ?? {}
    this.facts = answer.facts ?? {}
  }
}

/** The hub cannot serve this now; another one, or this one later, can. */
export class NotReadyError extends SyncError {
  override readonly name = "NotReadyError"
  readonly code = "ERR_NOT_READY"
  readonly recovery = "retry"
}

/** A bound of the hub is reached: too many streams, views, or pages are in use. */
export class TooManyError extends SyncError {
  override readonly name = "TooManyError"
  readonly code = "ERR_TOO_MANY"
  readonly recovery = "retry"
}
