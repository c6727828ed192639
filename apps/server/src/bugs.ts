import type { Log } from "./log.ts"

/** Reports that are logged in full; after them only every power of two is. */
const LOGGED_IN_FULL = 10

/**
 * Counts and logs errors that are bugs of this hub: an operating error is answered, never reported
 * here. A bug that repeats thousands of times a second must not fill the log, so each report beyond
 * the tenth is logged only when the count is a power of two.
 */
export class Bugs {
  readonly #log: Log
  #count = 0

  constructor(log: Log) {
    this.#log = log
  }

  /** Reports since the start. */
  get count(): number {
    return this.#count
  }

  /** Notes an error. `what` names what failed, as the subject and verb of a log line. */
  report(what: string, error: unknown, fields: object = {}): void {
    this.#count++
    if (this.#count > LOGGED_IN_FULL && !Number.isInteger(Math.log2(this.#count))) return
    this.#log(`bug: ${what}`, { ...fields, bugs: this.#count, error }, "error")
  }
}
