import type { Clock, Status, StatusReport, SyncErrorCode } from "@headwater/core"

/** What is known of the link to the source: its status, why, since when, and its last word. */
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

  /** As it was said last. */
  get status(): Status {
    return this.#status
  }

  /** Whether it was in sync once. */
  get wasInSync(): boolean {
    return this.#wasInSync
  }

  /** Notes a status. False when it says nothing new. */
  set(status: Status, code: SyncErrorCode | undefined): boolean {
    if (status === this.#status && code === this.#code) return false
    if (status !== this.#status) this.#since = this.#clock.now()
    this.#status = status
    this.#code = code
    if (status === "in-sync") this.#wasInSync = true
    return true
  }

  /** The source said something. */
  contact(): void {
    this.#lastContact = this.#clock.now()
  }

  /** All of it, with the number of entries that are absent because they are invalid. */
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
