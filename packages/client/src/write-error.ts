import type { SyncErrorCode } from "@headwater/core"
import { type Position, type Recovery, type Revision, SyncError } from "@headwater/core"

/**
 * Why a write is not there, or is not seen.
 *
 * `code` is the hub's. `ERR_CONFLICT`: a condition does not hold, and `failed` says what is there.
 * `ERR_OUTCOME_UNKNOWN`: no answer, or not a hub's; it may have been written. Where `position` is
 * set it *was* written, but the replica did not come to show it: `cause` says why.
 */
export class WriteError extends SyncError {
  override readonly name = "WriteError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery
  /** For `ERR_CONFLICT`: the revision at which each key is that was not as asked; 0 for absent. */
  readonly failed: readonly { readonly key: string; readonly revision: Revision }[]
  /** Where it was written. */
  readonly position: Position | undefined

  constructor(
    message: string,
    code: SyncErrorCode,
    recovery: Recovery,
    more: {
      readonly failed?: WriteError["failed"]
      readonly position?: Position
      readonly cause?: unknown
    } = {},
  ) {
    super(message, { cause: more.cause })
    this.code = code
    this.recovery = recovery
    this.failed = more.failed ?? []
    this.position = more.position
  }
}
