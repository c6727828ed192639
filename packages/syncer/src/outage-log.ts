import type { Clock, Status } from "@headwater/core"
import type { SyncerLog } from "./syncer-options.ts"

/** The first repetition of a failure is logged after so long, each further one after twice that. */
const REPEAT_MIN_MS = 60_000
const REPEAT_MAX_MS = 3_600_000

/** Different failures of one outage that are logged when they first happen. */
const LINES_MAX = 8

interface Outage {
  readonly since: number
  readonly lines: Set<string>
  failures: number
  repeatMs: number
  repeatAt: number
  /** True once a return was logged; and after how many failures. */
  isReturned: boolean
  reported: number
}

/**
 * Logs the failures of a source without a line for each attempt: a failure when it first happens,
 * its repetitions as counts that come ever more rarely, and the return of the source.
 *
 * An outage ends with `healthy`, not with the first success, so a link that works for a moment
 * each time is one outage.
 */
export class OutageLog {
  readonly #name: string
  readonly #clock: Clock
  readonly #log: SyncerLog
  #outage: Outage | undefined

  /** @param name of the source. */
  constructor(name: string, clock: Clock, log: SyncerLog) {
    this.#name = name
    this.#clock = clock
    this.#log = log
  }

  /** Counts a failure. `line` says what failed, without a full stop; `error` is for the fields. */
  failed(line: string, error: unknown): void {
    const now = this.#clock.elapsed()
    this.#outage ??= begin(now)
    const outage = this.#outage
    outage.failures += 1
    const text = `${line}: ${error instanceof Error ? error.message : "no reason given"}`
    if (!outage.lines.has(text) && outage.lines.size < LINES_MAX) {
      outage.lines.add(text)
      this.#log(`${text}; retrying`, {}, "warn")
      return
    }
    if (now < outage.repeatAt) return
    outage.repeatMs = Math.min(outage.repeatMs * 2, REPEAT_MAX_MS)
    outage.repeatAt = now + outage.repeatMs
    this.#log(`${text}; retrying`, this.#factsOf(outage, now), "warn")
  }

  /** Logs a change of status, which in an outage is the first return to `in-sync` alone. */
  status(status: Status): void {
    if (this.#outage === undefined) this.#log(`status ${status}`)
    else if (status === "in-sync" && !this.#outage.isReturned) this.#logReturn(this.#outage)
  }

  /** Ends the outage: the link has lasted. */
  healthy(): void {
    const outage = this.#outage
    this.#outage = undefined
    if (outage !== undefined && outage.failures > outage.reported) this.#logReturn(outage)
  }

  #logReturn(outage: Outage): void {
    outage.isReturned = true
    outage.reported = outage.failures
    this.#log(`${this.#name} is back`, this.#factsOf(outage, this.#clock.elapsed()))
  }

  #factsOf({ failures, since }: Outage, now: number) {
    return { failures, durationMs: Math.round(now - since) }
  }
}

function begin(now: number): Outage {
  const repeat = { repeatMs: REPEAT_MIN_MS, repeatAt: now + REPEAT_MIN_MS }
  return { since: now, lines: new Set(), failures: 0, isReturned: false, reported: 0, ...repeat }
}
