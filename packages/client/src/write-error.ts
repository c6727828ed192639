import type { SyncErrorCode } from "@headwater/core"
import { type Position, type Recovery, type Revision, SyncError } from "@headwater/core"

/**
 * A write failed, or the replica did not come to show it.
 *
 * `code` is the hub's. `ERR_CONFLICT`: a condition does not hold, and `failed` has the revisions.
 * `ERR_OUTCOME_UNKNOWN`: no answer, or none of a hub; it may have been written. Where `position` is
 * set it *was* written, but the replica did not come to show it: `cause` is the reason.
 */
export class WriteError extends SyncError {
  override readonly name = "WriteError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery
  /** For `ERR_CONFLICT`: the keys that were not as asked, at their revisions; 0 for absent. */
  readonly failed: readonly { readonly key: string; readonly revision: Revision }[]
  /** The position at which it was written. */
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
