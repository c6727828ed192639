import type { Clock, Status, StatusReport, SyncErrorCode } from "@headwater/core"

/** The link to the source: its status and code, since when, and the last contact. */
export class SourceLink {
  readonly #clock: Clock
  #status: Status = "waiting"
  #code: SyncErrorCode | undefined
  #since: number
  #lastContact = 0
  #wasInSync = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  /** The status that was set last. */
  get status(): Status {
    return this.#status
  }

  /** True once it was in sync. */
  get wasInSync(): boolean {
    return this.#wasInSync
  }

  /** Sets the status. Returns false when nothing changed. */
  set(status: Status, code: SyncErrorCode | undefined): boolean {
    if (status === this.#status && code === this.#code) return false
    if (status !== this.#status) this.#since = this.#clock.now()
    this.#status = status
    this.#code = code
    if (status === "in-sync") this.#wasInSync = true
    return true
  }

  /** Notes that the source answered. */
  contact(): void {
    this.#lastContact = this.#clock.now()
  }

  /** The report of the link. `invalid` counts entries that are absent because they are invalid. */
  report(invalid: number): StatusReport {
    const report = {
      status: this.#status,
      statusSince: this.#since,
      lastContact: this.#lastContact,
      invalid,
    }
    return this.#code === undefined ? report : { ...report, code: this.#code }
  }
}
