import { SyncError } from "@headwater/core"

/** A table is full: of topics, or of subscriptions. */
export class PublisherFullError extends SyncError {
  override readonly name = "PublisherFullError"
  readonly code = "ERR_TOO_MANY"
  readonly recovery = "retry"
  readonly max: number

  constructor(what: string, max: number, options?: ErrorOptions) {
    super(`too many ${what}: at most ${max}`, options)
    this.max = max
  }
}
