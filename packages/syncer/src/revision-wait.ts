import {
  backoffMs,
  type Clock,
  ClosedError,
  isSyncError,
  type Revision,
  type Source,
  untilAborted,
  withDeadline,
} from "@headwater/core"
import type { SyncerLimits } from "./limits.ts"
import { lateAnswer } from "./reading.ts"

/** The parts of a syncer that a read-your-writes wait uses. */
export interface RevisionWaitContext {
  readonly source: Source
  readonly clock: Clock
  readonly random: () => number
  readonly limits: SyncerLimits
  /** The revision up to which the watch has reported. */
  contiguous(): Revision
  /** Asks for a list at a revision that the watch does not get to. */
  request(revision: Revision): void
}

/** Readers whose positions are ahead of this hub: whether they will be served, and when. */
export class RevisionWait {
  readonly #context: RevisionWaitContext
  readonly #closing = new AbortController()
  #question: Promise<Revision> | undefined
  #wish: { revision: Revision; readonly seenAt: Revision; readonly cancel: () => void } | undefined

  constructor(context: RevisionWaitContext) {
    this.#context = context
  }

  /** See `Syncer.revisionAtLeast`. */
  async reaches(revision: Revision, signal: AbortSignal): Promise<boolean> {
    const { clock, random, limits } = this.#context
    const backoff = { firstMs: limits.backoffMinMs, maxMs: limits.backoffMaxMs }
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      this.#closing.signal.throwIfAborted()
      if (this.#context.contiguous() >= revision) return true
      try {
        if ((await this.#ask(revision, signal)) < revision) return false
        this.#wishFor(revision)
        return true
      } catch (error) {
        if (signal.aborted || this.#closing.signal.aborted) throw error
        if (!isSyncError(error) || error.recovery !== "retry") throw error
      }
      await clock.sleep(backoffMs(attempt, backoff, random()), signal)
    }
  }

  /** Asks and wishes no more. Who waits for an answer gets a `ClosedError`. */
  close(): void {
    this.#closing.abort(new ClosedError("shutdown"))
    this.#wish?.cancel()
    this.#wish = undefined
  }

  // Shared by all who ask meanwhile. An answer to a question that was out already is good when it
  // is high enough; when it is too low it may be older than the reader's position: ask once more.
  async #ask(atLeast: Revision, signal: AbortSignal): Promise<Revision> {
    const { reaches } = this.#context.source
    if (reaches) {
      const isThere = await reaches.call(this.#context.source, atLeast, signal)
      return isThere ? atLeast : 0
    }
    if (this.#question !== undefined) {
      const revision = await untilAborted(this.#question, signal)
      if (revision >= atLeast) return revision
    }
    const { source, clock, limits } = this.#context
    const timeoutMs = limits.askMs
    const deadline = { clock, timeoutMs, errorOf: () => lateAnswer(source, timeoutMs) }
    const ask = (late: AbortSignal) => source.revision(late)
    this.#question ??= withDeadline(deadline, [this.#closing.signal], ask).finally(() => {
      this.#question = undefined
    })
    return untilAborted(this.#question, signal)
  }

  #wishFor(revision: Revision): void {
    if (this.#closing.signal.aborted) return
    if (this.#wish !== undefined) {
      this.#wish.revision = Math.max(this.#wish.revision, revision)
      return
    }
    const { clock, limits } = this.#context
    const cancel = clock.after(limits.aheadMs, () => this.#look())
    this.#wish = { revision, seenAt: this.#context.contiguous(), cancel }
  }

  // A watch that is telling gets there by itself; a list would only be one more load on it.
  #look(): void {
    const wish = this.#wish
    this.#wish = undefined
    const contiguous = this.#context.contiguous()
    if (wish === undefined || contiguous >= wish.revision) return
    if (contiguous > wish.seenAt) this.#wishFor(wish.revision)
    else this.#context.request(wish.revision)
  }
}
