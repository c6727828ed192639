import { type Recovery, SyncError, type SyncErrorCode } from "@headwater/core"

/**
 * A hub could not be read. `code` is the hub's own where it gave one; `ERR_SOURCE_FAILED` for
 * no answer, or one of another server.
 */
export class HubReadError extends SyncError {
  override readonly name = "HubReadError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery

  constructor(
    message: string,
    code: SyncErrorCode = "ERR_SOURCE_FAILED",
    recovery: Recovery = "retry",
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.recovery = recovery
  }
}
