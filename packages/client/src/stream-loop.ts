import { backoffMs, countFailure, type SyncError, TIMER_MS_MAX } from "@headwater/core"
import { decodeFrame, type Frame, HEARTBEATS_MISSED_MAX } from "@headwater/protocol"
import { runUser } from "./call-user.ts"
import { eventParser } from "./event-parser.ts"
import type { ClientClock, Link } from "./link.ts"
import type { LiveReplica } from "./live-replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { EVENT_CHARACTERS_MAX, StreamProgress, streamText } from "./stream-text.ts"
import { wait } from "./wait.ts"

/** A mismatch is answered by a fresh snapshot, but by no second one within this. */
export const FRESH_INTERVAL_MS = 600_000

/** A stream that was live for this long shows that the trouble is over. */
export const HEALTHY_MS = 10_000

/** A longer wait that a hub asks for is cut to this. */
export const RETRY_AFTER_MS_MAX = 600_000

/** A link that has not been live for this long, and that no owner observes, is warned of once. */
export const WARN_MS = 5_000

/** The first wait is drawn from 0 to 250 ms; each next one from twice as much, up to 30 s. */
export const BACKOFF = { firstMs: 250, maxMs: 30_000 }

/**
 * The clock of the machine; smaller than the `systemClock` of core. A delay that no timer takes, of
 * 24.8 days, is cut short: only silence may last that long, and then the link is made again.
 */
export const machineClock: ClientClock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, TIMER_MS_MAX))
    return () => clearTimeout(timer)
  },
}

/**
 * Keeps a live replica fed: one stream after another, from where the replica is, with a back-off
 * between them, until it is closed or the hub refuses.
 */
export class StreamLoop {
  readonly #live: LiveReplica
  readonly #link: Link
  readonly #clock: ClientClock
  #progress = new StreamProgress()
  #failures = 0
  #token: string | undefined
  // The token that the hub no longer takes: a fresh one was asked for since the last `hello`.
  #expired: string | undefined
  // When this stream came to be live.
  #liveAt: number | undefined
  // When a fresh snapshot was last asked for.
  #freshAt = -FRESH_INTERVAL_MS
  // When the link was last known to work; never again once its loss was warned of.
  #workedAt: number

  constructor(live: LiveReplica, link: Link) {
    this.#live = live
    this.#link = link
    this.#clock = link.clock ?? machineClock
    this.#workedAt = this.#clock.elapsed()
  }

  /** Runs until closed or refused. Never rejects. */
  async run(): Promise<void> {
    const live = this.#live
    const { urls, store, random = Math.random } = this.#link
    const { signal } = live.closing
    let detach: (() => Promise<void>) | undefined
    let refusal: Error | undefined
    await undefined // The owner has its replica in hand before anything happens to it.
    await runUser(async () => {
      detach = await store?.attach(live, urls[0]!, signal)
    })
    while (!signal.aborted) {
      live.transition("begin")
      const error = await this.#follow(urls[0]!, signal)
      const { code, recovery } = error as Partial<SyncError>
      const isExpired = code === "ERR_UNAUTHENTICATED" && typeof this.#link.token === "function"
      if (recovery === "stop" && (this.#expired !== undefined || !isExpired)) {
        refusal = error
        this.#warn(error, "closed")
        break
      }
      if (recovery === "resync") live.state.forget()
      if (isExpired) {
        this.#expired = this.#token ?? ""
        this.#token = undefined
        // The first one not tried yet; when all were, the first again.
      } else urls.push(urls.shift()!)
      const delayMs = this.#delayAfter(error, random())
      live.transition("lost", error, { type: "lost", error, delayMs })
      // An owner may have closed the replica on the report of the loss.
      await wait((wake) => this.#clock.after(delayMs, wake), signal)
    }
    // Before the notification: an owner that calls `connect` again then asks the hub again.
    live.closing.abort()
    live.transition("close", refusal)
    await runUser(() => detach?.())
  }

  // The wait before the next stream: longer after each failure, until a stream was healthy. Warns
  // once of a link that does not come to work.
  #delayAfter(error: Error, draw: number): number {
    const { heardAt, retryMs } = this.#progress
    const now = this.#clock.elapsed()
    // A link that fell silent was healthy up to its last bytes.
    const healthyMs =
      ((error as Partial<SyncError>).code === "ERR_TIMEOUT" ? heardAt : now) - (this.#liveAt ?? now)
    this.#failures = countFailure(this.#failures, healthyMs, HEALTHY_MS)
    if (this.#liveAt !== undefined) this.#workedAt = Math.max(this.#workedAt, now)
    if (now - this.#workedAt >= WARN_MS) {
      this.#workedAt = Number.POSITIVE_INFINITY
      this.#warn(error, "retrying")
    }
    return backoffMs(this.#failures, BACKOFF, draw, Math.min(retryMs, RETRY_AFTER_MS_MAX))
  }

  // Follows one stream to its end. Every stream ends, and every end has a reason.
  async #follow(url: URL, signal: AbortSignal): Promise<Error> {
    const clock = this.#clock
    const { fetch = globalThis.fetch, credentials } = this.#link
    const progress = new StreamProgress()
    this.#progress = progress
    this.#live.state.begin()
    this.#liveAt = undefined
    const feed = eventParser(
      (event, data, id) => {
        const frame = decodeFrame(event, data, id)
        if (frame) this.#take(frame)
      },
      (ms) => {
        progress.retryMs = ms
      },
      EVENT_CHARACTERS_MAX,
    )
    const request = { url, headers: () => this.#headers(signal), fetch, clock, credentials }
    try {
      for await (const piece of streamText(request, progress, signal)) feed(piece)
      return new ReplicaError("the stream was cut")
    } catch (error) {
      // The functions of the user may throw anything.
      return error instanceof Error ? error : new ReplicaError(`${error}`)
    }
  }

  async #headers(signal: AbortSignal): Promise<Record<string, string>> {
    const { token, headers } = this.#link
    this.#token ??= typeof token === "function" ? await token(this.#expired, signal) : token
    const { resume } = this.#live.state
    return {
      ...headers,
      accept: "text/event-stream",
      ...(resume && { "last-event-id": resume }),
      ...(this.#token && { authorization: `Bearer ${this.#token}` }),
    }
  }

  // Takes a frame. An error ends the stream, and is the reason.
  #take(frame: Frame): void {
    const now = this.#clock.elapsed()
    const isTolerated = now - this.#freshAt < FRESH_INTERVAL_MS
    const mismatch = this.#live.take(frame, isTolerated, this.#clock.now())
    switch (frame.type) {
      case "hello":
        this.#expired = undefined
        this.#progress.silenceMs = frame.heartbeatMs * HEARTBEATS_MISSED_MAX
        break
      case "sync":
        this.#liveAt ??= now
        break
      case "goodbye":
      case "fault":
        this.#progress.retryMs = frame.retryMs || this.#progress.retryMs
        throw endOf(frame)
    }
    if (!mismatch || isTolerated) return
    this.#freshAt = now
    throw new ReplicaError("the replica differs from the hub", "ERR_CONFLICT", "resync")
  }

  // Prints a warning where no owner can know of the error.
  #warn({ message }: Error, reaction: string): void {
    if (this.#live.isObserved) return
    console.warn(`headwater: ${message}; ${reaction}. See \`report\` of connect().`)
  }
}

function endOf(frame: Extract<Frame, { type: "goodbye" | "fault" }>): ReplicaError {
  if (frame.type === "fault")
    return new ReplicaError(`the hub failed: ${frame.code}`, frame.code, frame.retry)
  const { reason } = frame
  const code = reason === "auth-changed" ? "ERR_UNAUTHENTICATED" : "ERR_CLOSED"
  return new ReplicaError(`the hub ended the stream: ${reason}`, code)
}
