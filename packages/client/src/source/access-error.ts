import { SyncError } from "@headwater/core"

/**
 * The hub does not let us in: there is no token, or none that it takes, or it does not grant all of
 * the topic. Tried again, since a token may be renewed at any time.
 */
export class AccessError extends SyncError {
  override readonly name = "AccessError"
  readonly code: "ERR_UNAUTHENTICATED" | "ERR_FORBIDDEN"
  readonly recovery = "retry"

  constructor(
    message: string,
    code: "ERR_UNAUTHENTICATED" | "ERR_FORBIDDEN",
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
  }
}
