import type { SyncErrorCode } from "@headwater/core"
import { InvariantError, isSyncError } from "@headwater/core"
import { BoundedQueue, type QueueBounds } from "./bounded-queue.ts"
import type { SyncEvent } from "./merge/sync-state.ts"

/** One for all: where it was made says nothing, and costs. */
const ENDED = new Error("the activity was ended")

/**
 * Something that a syncer does at the source until it ends or is ended: a question, a list, a
 * watch, a pause. What it says waits in a queue of its own, which goes with it when it is replaced,
 * so nothing is ever heard of an activity that was given up.
 */
export class Activity {
  /** Resolves when nothing of it runs any more. Never rejects. */
  readonly ended: Promise<void>
  readonly #abort = new AbortController()
  readonly #queue: BoundedQueue<SyncEvent>
  readonly #onEvent: () => void

  /**
   * @param body reports what happens; when it throws, that is reported as `refused`.
   * @param onEvent called when there is something to take.
   */
  constructor(body: (self: Activity) => Promise<void>, bounds: QueueBounds, onEvent: () => void) {
    this.#queue = new BoundedQueue(bounds)
    this.#onEvent = onEvent
    this.ended = this.#run(body)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Ends it. Reports that were not taken are forgotten. */
  end(): void {
    this.#abort.abort(ENDED)
  }

  /** Waits while the queue is full. */
  async report(event: SyncEvent, weight = 0): Promise<void> {
    await this.#queue.push(event, weight, this.signal)
    this.#onEvent()
  }

  /** The next of its events; commits that wait behind one another come together. */
  take(batchCommitsMax: number): SyncEvent | undefined {
    const event = this.#queue.shift()
    if (event?.type !== "commits") return event
    const commits = [...event.commits]
    for (let next = this.#queue.peek(); next?.type === "commits"; next = this.#queue.peek()) {
      if (commits.length + next.commits.length > batchCommitsMax) break
      commits.push(...next.commits)
      this.#queue.shift()
    }
    return { type: "commits", commits }
  }

  async #run(body: (self: Activity) => Promise<void>): Promise<void> {
    try {
      await body(this)
    } catch (error) {
      if (this.signal.aborted) return
      const recovery = isSyncError(error) ? error.recovery : "retry"
      const refused = { type: "refused", code: codeOf(error), recovery, error } as const
      await this.report(refused).catch(() => {})
    }
  }
}

/**
 * The code of a failure. An error of a source that is no `SyncError` is a failure of the source.
 */
export function codeOf(error: unknown): SyncErrorCode {
  if (isSyncError(error)) return error.code
  return error instanceof InvariantError ? "ERR_INTERNAL" : "ERR_SOURCE_FAILED"
}
