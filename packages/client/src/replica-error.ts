import { type Recovery, SyncError, type SyncErrorCode } from "@headwater/core"

/**
 * Why a link to a hub was lost or refused, or why a replica cannot do what was asked.
 *
 * `code` is the hub's own where it gave one. Of the client's own: `ERR_TIMEOUT` for silence,
 * `ERR_CONFLICT` for a mismatch, `ERR_CLOSED`, `ERR_EPOCH_CHANGED`, and `ERR_SOURCE_FAILED` for the
 * rest. `recovery` says what the client does about it: `retry` comes back after a while, `resync`
 * comes back for a fresh snapshot, `stop` has closed the replica.
 */
export class ReplicaError extends SyncError {
  override readonly name = "ReplicaError"
  readonly code: SyncErrorCode
  readonly recovery: Recovery

  constructor(code: SyncErrorCode, recovery: Recovery = "retry", message: string = code) {
    super(message)
    this.code = code
    this.recovery = recovery
  }
}
