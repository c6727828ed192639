import {
  type Clock,
  ClosedError,
  OutcomeUnknownError,
  SourceError,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import { type Failure, failureOf, quietly } from "./failure.ts"
import { messageOf } from "./schema.ts"

/** The options of a `WriteQueue`. */
export interface WriteQueueOptions {
  /** The source's, for errors. */
  readonly name: string
  readonly clock: Clock
  /** The longest wait of a write for another process's lock. */
  readonly lockedMaxMs: number
  readonly begin: () => void
  readonly write: (requests: readonly WriteRequest[]) => WriteOutcome[]
  readonly commit: () => void
  readonly rollback: () => void
}

interface Waiting {
  readonly request: WriteRequest
  readonly bytes: number
  readonly settle: (outcome: WriteOutcome | Error) => void
}

/** More than a hub has in flight; a caller beyond either is refused at once. */
const QUEUE_WRITES_MAX = 10_000
const QUEUE_BYTES_MAX = 64 << 20
/** One transaction's, so that no turn of the event loop is long. */
const GROUP_WRITES_MAX = 64
const GROUP_BYTES_MAX = 1 << 20
const LOCKED_RETRY_MS = 5

/**
 * Writes in the order in which they came, all that wait in one transaction: one flush of the disk
 * answers all of them. A lock of another process is waited for without blocking.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  readonly #waiting: Waiting[] = []
  readonly #closed = new AbortController()
  /** Of all that wait. */
  #bytes = 0
  #running: Promise<void> | undefined

  constructor(options: WriteQueueOptions) {
    this.#options = options
  }

  /** Once it is aborted it rejects with the reason, unless the write has begun. */
  write(request: WriteRequest, signal: AbortSignal): Promise<WriteOutcome> {
    const bytes = bytesOf(request)
    const { length } = this.#waiting
    if (length > 0 && (length >= QUEUE_WRITES_MAX || this.#bytes + bytes > QUEUE_BYTES_MAX)) {
      const queued = `${length} writes of ${this.#bytes} bytes wait already`
      return Promise.reject(new SourceError(`${this.#options.name} was not written: ${queued}`))
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const at = this.#waiting.indexOf(waiting)
        if (at < 0) return
        this.#waiting.splice(at, 1)
        this.#bytes -= bytes
        reject(signal.reason)
      }
      const settle = (outcome: WriteOutcome | Error) => {
        signal.removeEventListener("abort", onAbort)
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
      const waiting = { request, bytes, settle }
      signal.addEventListener("abort", onAbort, { once: true })
      this.#waiting.push(waiting)
      this.#bytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** Refuses what has not begun. */
  async close(): Promise<void> {
    this.#closed.abort(new ClosedError("shutdown"))
    await this.#running
    for (const { settle } of this.#take()) settle(new ClosedError("shutdown"))
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    let lockedSince: number | undefined
    while (this.#waiting.length > 0 && !this.#closed.signal.aborted) {
      // Who writes in this turn too is in the same transaction.
      await clock.yield()
      if (this.#closed.signal.aborted) break
      const isLocked = !this.#writeSome(lockedSince)
      lockedSince = isLocked ? (lockedSince ?? clock.elapsed()) : undefined
      if (isLocked) await clock.sleep(LOCKED_RETRY_MS, this.#closed.signal).catch(() => {})
    }
    this.#running = undefined
  }

  // False when the file is locked and there is time left to wait for it.
  #writeSome(lockedSince: number | undefined): boolean {
    const { begin, clock, lockedMaxMs, name } = this.#options
    try {
      begin()
    } catch (error) {
      const waited = lockedSince === undefined ? 0 : clock.elapsed() - lockedSince
      if (failureOf(error) === "busy" && waited < lockedMaxMs) return false
      for (const { settle } of this.#take()) settle(refusal(name, error))
      return true
    }
    const group = this.#takeGroup()
    const outcomes = this.#transact(group.map(({ request }) => request))
    group.forEach(({ settle }, index) => {
      settle(outcomes instanceof Error ? outcomes : outcomes[index]!)
    })
    return true
  }

  #transact(requests: readonly WriteRequest[]): WriteOutcome[] | Error {
    const { commit, name, rollback, write } = this.#options
    let outcomes: WriteOutcome[]
    try {
      outcomes = write(requests)
    } catch (error) {
      quietly(rollback)
      return refusal(name, error)
    }
    try {
      commit()
      return outcomes
    } catch (error) {
      quietly(rollback)
      const failure: Failure = failureOf(error)
      if (failure === "busy" || failure === "full") return refusal(name, error)
      // The log may hold the commit though the disk did not say so.
      const message = `${name} may or may not have been written: ${messageOf(error)}`
      return new OutcomeUnknownError(message, { cause: error })
    }
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    const over = this.#waiting.findIndex((waiting, index) => {
      bytes += waiting.bytes
      return index > 0 && (index >= GROUP_WRITES_MAX || bytes > GROUP_BYTES_MAX)
    })
    return this.#take(over < 0 ? this.#waiting.length : over)
  }

  #take(count = this.#waiting.length): Waiting[] {
    const taken = this.#waiting.splice(0, count)
    for (const { bytes } of taken) this.#bytes -= bytes
    return taken
  }
}

function bytesOf({ changes }: WriteRequest): number {
  return changes.reduce(
    (sum, change) => sum + (change.op === "put" ? change.value.byteLength : 0) + 100,
    0,
  )
}

function refusal(name: string, error: unknown): SourceError {
  return new SourceError(`${name} was not written: ${messageOf(error)}`, { cause: error })
}
