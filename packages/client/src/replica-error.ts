import { type Recovery, SyncError, type SyncErrorCode } from "@headwater/core"

/**
 * A link to a hub was lost or refused, or a replica cannot do what was asked.
 *
 * `code` is the hub's own where it gave one. The client's own are `ERR_TIMEOUT` for silence,
 * `ERR_CONFLICT` for a mismatch, `ERR_TOO_LARGE` for a request that no hub takes, `ERR_CLOSED`,
 * `ERR_EPOCH_CHANGED`, and `ERR_SOURCE_FAILED` for the rest. `recovery` is the reaction of the
 * client: `retry` comes back after a while, `resync` comes back for a fresh snapshot, `stop` has
 * closed the replica.
 */
export class ReplicaError extends SyncError {
  override readonly name = "ReplicaError"
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
