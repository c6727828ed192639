import { type Recovery, SyncError, type SyncErrorCode } from "@headwater/core"
import { recoveryOf } from "@headwater/protocol"

/**
 * A request that the hub answers with an error of the protocol's table.
 *
 * The answer has the `headers` (such as `allow`) and, beside the error, the `facts` (such as the
 * revision that a condition did not meet). The client sees the message.
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

/** Returns the error of a request that is malformed or contradicts itself: 400. */
export function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}

/** This hub cannot serve the request now; another hub can, or this one later. */
export class NotReadyError extends SyncError {
  override readonly name = "NotReadyError"
  readonly code = "ERR_NOT_READY"
  readonly recovery = "retry"
}

/** A share of a topic is used up: until entries are deleted, nothing can be added to it. */
export class QuotaError extends SyncError {
  override readonly name = "QuotaError"
  readonly code = "ERR_QUOTA"
  readonly recovery = "stop"
}

/** A limit of the hub is reached: too many streams or views are in use. */
export class TooManyError extends SyncError {
  override readonly name = "TooManyError"
  readonly code = "ERR_TOO_MANY"
  readonly recovery = "retry"
}

/** The request has no credential that is accepted. The message never repeats one. */
export class UnauthenticatedError extends SyncError {
  override readonly name = "UnauthenticatedError"
  readonly code = "ERR_UNAUTHENTICATED"
  readonly recovery = "stop"
  /** For the header `WWW-Authenticate`, as RFC 6750 has it. */
  readonly challenge: string

  /** @param given false for a request without a credential. */
  constructor(message: string, given = true) {
    super(message)
    this.challenge = given ? 'Bearer error="invalid_token"' : "Bearer"
  }
}
